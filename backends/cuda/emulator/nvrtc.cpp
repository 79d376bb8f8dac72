// NVRTC's double. A program is compiled at once, so that errors and logs come where they come from the real one; its "cubin" is the
// source made ready for the host behind a header, which the driver's double checks and looks up.

#include <cstdlib>
#include <fstream>

#include "compiler.hpp"
#include "emulator.hpp"
#include "image.hpp"

using namespace emulator;

namespace {

enum : int {
  NVRTC_SUCCESS = 0,
  NVRTC_INVALID_INPUT = 3,
  NVRTC_INVALID_PROGRAM = 4,
  NVRTC_INVALID_OPTION = 5,
  NVRTC_COMPILATION = 6,
};

const char* const STATUSES[] = {
    "NVRTC_SUCCESS", "NVRTC_ERROR_OUT_OF_MEMORY", "NVRTC_ERROR_PROGRAM_CREATION_FAILURE", "NVRTC_ERROR_INVALID_INPUT",
    "NVRTC_ERROR_INVALID_PROGRAM", "NVRTC_ERROR_INVALID_OPTION", "NVRTC_ERROR_COMPILATION",
    "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE"};

const int ARCHITECTURES[] = {75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121};

struct Program final : Object {
  static constexpr Kind KIND = Kind::program;
  Program(std::string source, std::string name)
      : Object(Kind::program), source(std::move(source)), name(std::move(name)) {}
  const std::string source, name;
  std::string log, image;
  bool isVirtual = false;  // compiled for a virtual architecture: to PTX alone
};

// Sources go to a folder when a test asks for it, so that the real compiler can try them.
void record(const Program& program, const std::vector<std::string>& options) {
  const char* folder = std::getenv("ESCNN_EMULATOR_RECORD");
  if (folder == nullptr) return;
  std::string text = "//";
  for (const std::string& option : options) {
    if (option.find("-arch") == std::string::npos && option.find("architecture") == std::string::npos) text += " " + option;
  }
  text += "\n" + program.source;
  std::ofstream(std::string(folder) + "/" + fingerprint(text) + ".cu", std::ios::binary) << text;
}

// Reads `--name=value`, `-name=value` or `--name value`.
bool readOption(const std::vector<std::string>& options, size_t& i, const std::string& name, std::string& value) {
  std::string option = options[i];
  if (option.rfind("--", 0) == 0) option = option.substr(2);
  else if (option.rfind("-", 0) == 0) option = option.substr(1);
  else return false;
  if (option == name) {
    if (i + 1 >= options.size()) return false;
    value = options[++i];
    return true;
  }
  if (option.rfind(name + "=", 0) != 0) return false;
  value = option.substr(name.size() + 1);
  return true;
}

}  // namespace

EXPORT const char* nvrtcGetErrorString(int result) {
  return result >= 0 && result < 8 ? STATUSES[result] : "NVRTC_ERROR unknown";
}

EXPORT int nvrtcVersion(int* major, int* minor) {
  ENTER();
  *major = static_cast<int>(setting("nvrtcMajor"));
  *minor = static_cast<int>(setting("nvrtcMinor"));
  return NVRTC_SUCCESS;
}

EXPORT int nvrtcGetNumSupportedArchs(int* count) {
  ENTER();
  *count = sizeof ARCHITECTURES / sizeof ARCHITECTURES[0];
  return NVRTC_SUCCESS;
}

EXPORT int nvrtcGetSupportedArchs(int* architectures) {
  ENTER();
  std::memcpy(architectures, ARCHITECTURES, sizeof ARCHITECTURES);
  return NVRTC_SUCCESS;
}

EXPORT int nvrtcCreateProgram(void** program, const char* source, const char* name, int headerCount,
                              const char* const* headers, const char* const* includeNames) {
  ENTER();
  if (source == nullptr || headerCount < 0) return refuse(NVRTC_INVALID_INPUT, "nvrtcCreateProgram without a source");
  if (headerCount > 0 || headers != nullptr || includeNames != nullptr) {
    return refuse(NVRTC_INVALID_INPUT, "nvrtcCreateProgram: the emulator takes no headers");
  }
  *program = new Program(source, name == nullptr ? "default_program" : name);
  return NVRTC_SUCCESS;
}

EXPORT int nvrtcCompileProgram(void* handle, int optionCount, const char* const* optionTexts) {
  ENTER();
  Program* program = find<Program>(handle);
  if (program == nullptr) return refuse(NVRTC_INVALID_PROGRAM, "nvrtcCompileProgram");
  std::vector<std::string> options(optionTexts, optionTexts + optionCount);
  int architecture = 0;
  for (size_t i = 0; i < options.size(); i++) {
    std::string value;
    bool known = false;
    if (readOption(options, i, "gpu-architecture", value) || readOption(options, i, "arch", value)) {
      program->isVirtual = value.rfind("compute_", 0) == 0;
      if (program->isVirtual) architecture = std::atoi(value.c_str() + 8);
      if (value.rfind("sm_", 0) == 0) architecture = std::atoi(value.c_str() + 3);
      for (const int supported : ARCHITECTURES) known |= supported == architecture;
    } else if (readOption(options, i, "std", value)) {
      known = value == "c++17" || value == "c++14" || value == "c++11" || value == "c++20";
    } else if (readOption(options, i, "fmad", value) || readOption(options, i, "ftz", value) ||
               readOption(options, i, "prec-div", value) || readOption(options, i, "prec-sqrt", value)) {
      known = value == "true" || value == "false";
    } else {
      const std::string& option = options[i];
      known = option == "-default-device" || option == "--device-as-default-execution-space" || option == "-w" ||
              option == "-minimal" || option == "--minimal" ||
              option == "--disable-warnings" || option == "--restrict" || option == "-restrict";
    }
    if (!known) {
      program->log = "nvrtc: error: invalid value for an option, or an option that the emulator does not know: " + options[i];
      return refuse(NVRTC_INVALID_OPTION, "nvrtcCompileProgram: option %s", options[i].c_str());
    }
  }
  record(*program, options);
  const HostSource ready = hostSource(program->source, program->name);
  if (!ready.error.empty()) {
    program->log = ready.error;
    return refuse(NVRTC_COMPILATION, "nvrtcCompileProgram: %s", program->log.c_str());
  }
  const Compiled compiled = compileForHost(ready.text);
  program->log = compiled.log;
  if (compiled.path.empty()) return refuse(NVRTC_COMPILATION, "nvrtcCompileProgram: %s", program->log.c_str());
  program->image = packImage(ready.text, architecture == 0 ? 75 : architecture, program->isVirtual);
  return NVRTC_SUCCESS;
}

EXPORT int nvrtcGetCUBINSize(void* handle, uint64_t* size) {
  ENTER();
  const Program* program = find<Program>(handle);
  if (program == nullptr) return refuse(NVRTC_INVALID_PROGRAM, "nvrtcGetCUBINSize");
  *size = program->isVirtual ? 0 : program->image.size();
  return NVRTC_SUCCESS;
}

EXPORT int nvrtcGetCUBIN(void* handle, char* image) {
  ENTER();
  const Program* program = find<Program>(handle);
  if (program == nullptr) return refuse(NVRTC_INVALID_PROGRAM, "nvrtcGetCUBIN");
  if (program->image.empty() || program->isVirtual) {
    return refuse(NVRTC_INVALID_PROGRAM, "nvrtcGetCUBIN of a program that is not compiled for a real architecture");
  }
  std::memcpy(image, program->image.data(), program->image.size());
  return NVRTC_SUCCESS;
}

EXPORT int nvrtcGetPTXSize(void* handle, uint64_t* size) {
  ENTER();
  const Program* program = find<Program>(handle);
  if (program == nullptr) return refuse(NVRTC_INVALID_PROGRAM, "nvrtcGetPTXSize");
  *size = program->image.size() + 1;
  return NVRTC_SUCCESS;
}

EXPORT int nvrtcGetPTX(void* handle, char* text) {
  ENTER();
  const Program* program = find<Program>(handle);
  if (program == nullptr) return refuse(NVRTC_INVALID_PROGRAM, "nvrtcGetPTX");
  if (program->image.empty() || !program->isVirtual) {
    return refuse(NVRTC_INVALID_PROGRAM, "nvrtcGetPTX of a program that is not compiled for a virtual architecture");
  }
  std::memcpy(text, program->image.c_str(), program->image.size() + 1);
  return NVRTC_SUCCESS;
}

EXPORT int nvrtcGetProgramLogSize(void* handle, uint64_t* size) {
  ENTER();
  const Program* program = find<Program>(handle);
  if (program == nullptr) return refuse(NVRTC_INVALID_PROGRAM, "nvrtcGetProgramLogSize");
  *size = program->log.size() + 1;
  return NVRTC_SUCCESS;
}

EXPORT int nvrtcGetProgramLog(void* handle, char* log) {
  ENTER();
  const Program* program = find<Program>(handle);
  if (program == nullptr) return refuse(NVRTC_INVALID_PROGRAM, "nvrtcGetProgramLog");
  std::memcpy(log, program->log.c_str(), program->log.size() + 1);
  return NVRTC_SUCCESS;
}

EXPORT int nvrtcDestroyProgram(void** handle) {
  ENTER();
  Program* program = handle == nullptr ? nullptr : find<Program>(*handle);
  if (program == nullptr) return refuse(NVRTC_INVALID_PROGRAM, "nvrtcDestroyProgram");
  delete program;
  *handle = nullptr;
  return NVRTC_SUCCESS;
}
