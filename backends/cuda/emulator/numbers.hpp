// The element types of matrix products and convolutions: float, double, and the 16-bit types, which are computed as float.

#pragma once

#include <cstdint>
#include <cstring>

namespace emulator {

enum class Type { float32, float64, float16, bfloat16 };

inline uint64_t sizeOf(Type type) { return type == Type::float64 ? 8 : type == Type::float32 ? 4 : 2; }

inline float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}
inline uint32_t toBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return bits;
}

// Rounds to the nearest number with fewer bits behind the point (even in a tie); infinities and NaN stay.
inline float dropBits(float value, int dropped) {
  uint32_t bits = toBits(value);
  if ((bits & 0x7f800000u) == 0x7f800000u) return value;
  bits += (1u << (dropped - 1)) - 1 + ((bits >> dropped) & 1);
  return fromBits(bits & ~((1u << dropped) - 1));
}
// What a tensor core takes from a float: 10 bits behind the point.
inline float toTf32(float value) { return dropBits(value, 13); }

inline float halfToFloat(uint16_t half) {
  _Float16 value;
  std::memcpy(&value, &half, 2);
  return static_cast<float>(value);
}
inline uint16_t floatToHalf(float value) {
  const _Float16 half = static_cast<_Float16>(value);
  uint16_t bits;
  std::memcpy(&bits, &half, 2);
  return bits;
}

template <class T>
inline T load(const void* memory, Type type, uint64_t index) {
  switch (type) {
    case Type::float32: return static_cast<const float*>(memory)[index];
    case Type::float64: return static_cast<T>(static_cast<const double*>(memory)[index]);
    case Type::float16: return halfToFloat(static_cast<const uint16_t*>(memory)[index]);
    default: return fromBits(static_cast<uint32_t>(static_cast<const uint16_t*>(memory)[index]) << 16);
  }
}

template <class T>
inline void store(void* memory, Type type, uint64_t index, T value) {
  switch (type) {
    case Type::float32: static_cast<float*>(memory)[index] = static_cast<float>(value); return;
    case Type::float64: static_cast<double*>(memory)[index] = value; return;
    case Type::float16: static_cast<uint16_t*>(memory)[index] = floatToHalf(static_cast<float>(value)); return;
    default: {
      const float rounded = dropBits(static_cast<float>(value), 16);
      static_cast<uint16_t*>(memory)[index] = static_cast<uint16_t>(toBits(rounded) >> 16);
    }
  }
}

}  // namespace emulator
