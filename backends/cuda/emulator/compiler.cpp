// Compiles kernel sources with the host's C++ compiler. The rewriting is small: `extern "C"` in front of kernels goes (they are
// reached through a table), and `extern __shared__` arrays become pointers to the launch's dynamic shared memory.

#include "compiler.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "fibers.hpp"

extern char** environ;

asm(R"(
.section .rodata
.globl escnn_prelude_begin
.hidden escnn_prelude_begin
escnn_prelude_begin:
.incbin ")" ESCNN_PRELUDE R"("
.globl escnn_prelude_end
.hidden escnn_prelude_end
escnn_prelude_end:
.byte 0
.text
)");
extern "C" const char escnn_prelude_begin[], escnn_prelude_end[];

namespace emulator {

namespace {

struct Token {
  size_t begin, end;
  std::string text;
};

// Words, strings and single signs of a source; comments are left out.
std::vector<Token> tokenize(const std::string& source) {
  std::vector<Token> tokens;
  size_t i = 0;
  while (i < source.size()) {
    const char c = source[i];
    const size_t begin = i;
    if (std::isspace(static_cast<unsigned char>(c))) {
      i++;
      continue;
    }
    if (source.compare(i, 2, "//") == 0) {
      while (i < source.size() && source[i] != '\n') i++;
      continue;
    }
    if (source.compare(i, 2, "/*") == 0) {
      const size_t end = source.find("*/", i + 2);
      i = end == std::string::npos ? source.size() : end + 2;
      continue;
    }
    if (c == '"') {
      for (i++; i < source.size() && source[i] != '"'; i++) i += source[i] == '\\';
      i++;
    } else if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') {
      while (i < source.size() && (std::isalnum(static_cast<unsigned char>(source[i])) || source[i] == '_')) i++;
    } else {
      i++;
    }
    tokens.push_back({begin, i, source.substr(begin, i - begin)});
  }
  return tokens;
}

bool isName(const std::string& text) { return std::isalpha(static_cast<unsigned char>(text[0])) || text[0] == '_'; }

std::string folder() {
  if (const char* given = std::getenv("ESCNN_EMULATOR_CACHE")) return given;
  const char* temporary = std::getenv("TMPDIR");
  return std::string(temporary ? temporary : "/tmp") + "/escnn-cuda-emulator-" + std::to_string(getuid());
}

std::string readText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool exists(const std::string& path) { return access(path.c_str(), R_OK) == 0; }

// Runs the compiler; what it says goes to a file.
bool runCompiler(std::vector<std::string> arguments, const std::string& log) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child = 0;
  const int spawned = posix_spawnp(&child, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (spawned != 0) {
    std::ofstream(log) << pointers[0] << " could not be started";
    return false;
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

const char* compilerProgram() {
  const char* given = std::getenv("ESCNN_CXX");
  return given ? given : "g++";
}

const char* const FLAGS[] = {
    "-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off", "-fno-math-errno",
    "-fno-exceptions", "-fno-rtti", "-fno-asynchronous-unwind-tables", "-nostdlib", "-pipe", "-fdiagnostics-color=never"};

}  // namespace

std::string fingerprint(const std::string& text) {
  uint64_t a = 0xcbf29ce484222325u, b = 0x9e3779b97f4a7c15u;
  for (const char c : text) {
    a = (a ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
    b = (b + static_cast<uint8_t>(c)) * 0xff51afd7ed558ccdu;
    b ^= b >> 29;
  }
  char digits[33];
  std::snprintf(digits, sizeof digits, "%016lx%016lx", a, b);
  return digits;
}

HostSource hostSource(const std::string& source, const std::string& name) {
  HostSource result;
  const std::vector<Token> tokens = tokenize(source);
  std::string text = source;
  std::vector<std::pair<Token, std::string>> replacements;
  bool waits = false;
  std::vector<std::string> all;
  const auto at = [&](size_t i) -> const std::string& {
    static const std::string none = " ";
    return i < tokens.size() ? tokens[i].text : none;
  };
  for (size_t i = 0; i < tokens.size(); i++) {
    if (at(i) == "#" && at(i + 1) == "include") {
      result.error = name + ": error: cannot open source file " + at(i + 2);
      return result;
    }
    if (at(i) == "__syncthreads") waits = true;
    if (at(i) == "extern" && at(i + 1) == "\"C\"") {
      if (at(i + 2) == "{") {
        result.error = name + ": error: the emulator takes extern \"C\" only in front of single kernels";
        return result;
      }
      replacements.push_back({{tokens[i].begin, tokens[i + 1].end, ""}, ""});
    }
    if (at(i) == "extern" && at(i + 1) == "__shared__") {
      size_t end = i;
      while (end < tokens.size() && at(end) != ";") end++;
      size_t bracket = end;
      while (bracket > i && at(bracket) != "[") bracket--;
      if (end == tokens.size() || bracket == i || !isName(at(bracket - 1))) {
        result.error = name + ": error: expected extern __shared__ TYPE NAME[];";
        return result;
      }
      std::string type;
      for (size_t j = i + 2; j + 1 < bracket; j++) {
        if (at(j) == "__align__") {
          while (j + 1 < bracket && at(j) != ")") j++;
          continue;
        }
        type += at(j) + " ";
      }
      const std::string pointer = type + "* const " + at(bracket - 1) + " = (" + type + "*)escnn_dynamic_shared";
      replacements.push_back({{tokens[i].begin, tokens[end].begin, ""}, "static " + pointer});
    }
    if (at(i) == "__global__") {
      for (size_t j = i + 1; j < tokens.size(); j++) {
        if (at(j) == "__launch_bounds__") {
          while (j < tokens.size() && at(j) != ")") j++;
          continue;
        }
        if (!isName(at(j)) || at(j + 1) != "(") continue;
        bool external = false;
        for (size_t back = i; back > 0 && back + 3 > i && !external; back--) external = at(back - 1) == "\"C\"";
        if (external) result.kernels.push_back(at(j));
        break;
      }
    }
  }
  for (size_t i = replacements.size(); i-- > 0;) {
    const auto& [token, replacement] = replacements[i];
    text.replace(token.begin, token.end - token.begin, replacement);
  }
  std::string full(escnn_prelude_begin, escnn_prelude_end);
  full += "\n#line 1 \"" + name + "\"\n" + text + "\n#line 1 \"the kernels' table\"\n";
  full += "extern \"C\" __attribute__((visibility(\"default\"))) const EscnnKernel escnn_kernels[] = {\n";
  for (const std::string& kernel : result.kernels) {
    full += "  ESCNN_KERNEL(" + kernel + ", " + (waits ? "true" : "false") + "),\n";
  }
  full += "  {nullptr, nullptr, 0, nullptr}};\n";
  full += "extern \"C\" __attribute__((visibility(\"default\"))) unsigned long escnn_static_shared_bytes() {\n";
  full += "  return __start_escnn_shared == nullptr ? 0 : __stop_escnn_shared - __start_escnn_shared;\n}\n";
  result.text = std::move(full);
  return result;
}

Compiled compileForHost(const std::string& text) {
  std::string key = text;
  for (const char* flag : FLAGS) key += flag;
  const std::string where = folder();
  mkdir(where.c_str(), 0700);
  const std::string path = where + "/" + fingerprint(key + compilerProgram()) + ".so";
  if (exists(path)) return {path, ""};
  const std::string own = where + "/" + fingerprint(key) + "." + std::to_string(getpid()) + "-" + std::to_string(gettid());
  const std::string source = own + ".cpp", made = own + ".so", log = own + ".log";
  std::ofstream(source, std::ios::binary) << text;
  std::vector<std::string> arguments{compilerProgram()};
  arguments.insert(arguments.end(), std::begin(FLAGS), std::end(FLAGS));
  arguments.insert(arguments.end(), {"-o", made, source});
  const bool done = runCompiler(arguments, log);
  Compiled result{"", done ? "" : readText(log)};
  // Another process may have made the same: then one replaces the other, and both are right.
  if (done && std::rename(made.c_str(), path.c_str()) == 0) result.path = path;
  unlink(source.c_str());
  unlink(made.c_str());
  unlink(log.c_str());
  if (result.path.empty() && result.log.empty()) result.log = "the compiled kernel could not be written to " + where;
  return result;
}

LoadedKernels loadKernels(const std::string& path) {
  LoadedKernels loaded;
  loaded.library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (loaded.library == nullptr) {
    loaded.error = dlerror();
    return loaded;
  }
  static const EscnnHost host{runFibers, waitForFibers};
  loaded.kernels = static_cast<const EscnnKernel*>(dlsym(loaded.library, "escnn_kernels"));
  loaded.sharedOverrun = static_cast<int*>(dlsym(loaded.library, "escnn_shared_overrun"));
  auto* hostPlace = static_cast<const EscnnHost**>(dlsym(loaded.library, "escnn_host"));
  auto* staticBytes = reinterpret_cast<unsigned long (*)()>(dlsym(loaded.library, "escnn_static_shared_bytes"));
  if (loaded.kernels == nullptr || hostPlace == nullptr || loaded.sharedOverrun == nullptr || staticBytes == nullptr) {
    loaded.error = path + " is no compiled kernel";
    return loaded;
  }
  *hostPlace = &host;
  loaded.staticSharedBytes = staticBytes();
  return loaded;
}

}  // namespace emulator
