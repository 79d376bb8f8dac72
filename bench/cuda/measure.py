"""Measures works of bench/peers/torch_networks.py on a GPU in PyTorch and prints one JSON line for each as soon as it is known:
{"work", "phase", "seconds"}, or {"work", "error"}. TF32 is off unless asked for, cuDNN chooses its algorithms by measurement.

    python measure.py --works tutorial-c8,se3 --phases train-step,inference [--seconds 3] [--tf32]
"""

import argparse
import json
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "peers"))


def measure(run, wait, seconds):
    """Median seconds of a call that has been waited for, after three that do not count."""
    for _ in range(3):
        run()
    wait()
    times = []
    start = time.perf_counter()
    while len(times) < 3 or (len(times) < 200 and time.perf_counter() - start < seconds):
        begin = time.perf_counter()
        run()
        wait()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--works", required=True)
    parser.add_argument("--phases", required=True)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--tf32", action="store_true")
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()

    import torch
    import torch_networks as networks

    device = torch.device(options.device)
    torch.backends.cuda.matmul.allow_tf32 = options.tf32
    torch.backends.cudnn.allow_tf32 = options.tf32
    torch.backends.cudnn.benchmark = True
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    phases = options.phases.split(",")
    for name in options.works.split(","):
        try:
            torch.manual_seed(0)
            equivariant, build, shape, classes, adam = networks.WORKS[name]
            network = build().to(device)
            x = torch.randn(*shape, device=device)
            labels = torch.randint(0, 10, (shape[0],), device=device)
            optimizer = torch.optim.Adam(network.parameters(), **adam)

            def step():
                optimizer.zero_grad()
                output = network(x)
                loss = torch.nn.functional.cross_entropy(output, labels) if classes else output.square().mean()
                loss.backward()
                optimizer.step()
                return loss.item()

            def tell(phase, seconds):
                print(json.dumps({"work": name, "phase": phase, "seconds": seconds}), flush=True)

            if "train-step" in phases:
                tell("train-step", measure(step, wait, options.seconds))
            if "train-forward" in phases:
                tell("train-forward", measure(lambda: network(x), wait, options.seconds))
            if "inference" in phases:
                network.eval()
                layers = network.export() if hasattr(network, "export") else network
                layers = layers.to(device).eval()
                with torch.inference_mode():
                    tell("inference", measure(lambda: layers(x), wait, options.seconds))
        except Exception as error:  # one work that cannot run must not keep the others
            print(json.dumps({"work": name, "error": f"{type(error).__name__}: {error}"[:300]}), flush=True)


main()
