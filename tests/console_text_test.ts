// What consoles show of instances of a class that shows its text: by itself, inside of others, and of subclasses.

import { inspect } from "node:util";
import { assertEquals } from "@std/assert";
import { showAsText } from "../src/console_text.ts";
import { test } from "./support/test.ts";

test("showAsText shows instances, of subclasses too, by their text, and adds nothing that is enumerated", () => {
  class Shown {
    readonly parts = [1, 2, 3];
    static {
      showAsText(this.prototype);
    }
    toString(): string {
      return `Shown(${this.parts.length})`;
    }
  }
  class Below extends Shown {
    override toString(): string {
      return `Below ${super.toString()}`;
    }
  }
  assertEquals(inspect(new Shown()), "Shown(3)");
  assertEquals(inspect({ inside: new Below() }), "{ inside: Below Shown(3) }");
  assertEquals(Object.keys(new Shown()), ["parts"]);
});
