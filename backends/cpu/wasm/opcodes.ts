/**
 * The instructions of WebAssembly that the assembler knows, by their names in the specification, and their binary
 * opcodes (WebAssembly Core Specification 2.0, section 5.4; relaxed SIMD from 3.0). Numbers above 255 stand for a
 * prefix and an opcode: `PREFIX_FC + code` and `PREFIX_FD + code`.
 */

/** Added to the opcode of an instruction behind the prefix byte 0xfc (saturating conversions, bulk memory). */
export const PREFIX_FC = 0x10000;
/** Added to the opcode of an instruction behind the prefix byte 0xfd (SIMD). */
export const PREFIX_FD = 0x20000;

/** Instructions without immediate operands. */
// deno-fmt-ignore
export const PLAIN = {
  "unreachable": 0x00, "nop": 0x01, "return": 0x0f, "drop": 0x1a, "select": 0x1b,

  "i32.eqz": 0x45, "i32.eq": 0x46, "i32.ne": 0x47, "i32.lt_s": 0x48, "i32.lt_u": 0x49, "i32.gt_s": 0x4a,
  "i32.gt_u": 0x4b, "i32.le_s": 0x4c, "i32.le_u": 0x4d, "i32.ge_s": 0x4e, "i32.ge_u": 0x4f,
  "i64.eqz": 0x50, "i64.eq": 0x51, "i64.ne": 0x52, "i64.lt_s": 0x53, "i64.lt_u": 0x54, "i64.gt_s": 0x55,
  "i64.gt_u": 0x56, "i64.le_s": 0x57, "i64.le_u": 0x58, "i64.ge_s": 0x59, "i64.ge_u": 0x5a,
  "f32.eq": 0x5b, "f32.ne": 0x5c, "f32.lt": 0x5d, "f32.gt": 0x5e, "f32.le": 0x5f, "f32.ge": 0x60,
  "f64.eq": 0x61, "f64.ne": 0x62, "f64.lt": 0x63, "f64.gt": 0x64, "f64.le": 0x65, "f64.ge": 0x66,

  "i32.clz": 0x67, "i32.ctz": 0x68, "i32.popcnt": 0x69, "i32.add": 0x6a, "i32.sub": 0x6b, "i32.mul": 0x6c,
  "i32.div_s": 0x6d, "i32.div_u": 0x6e, "i32.rem_s": 0x6f, "i32.rem_u": 0x70, "i32.and": 0x71, "i32.or": 0x72,
  "i32.xor": 0x73, "i32.shl": 0x74, "i32.shr_s": 0x75, "i32.shr_u": 0x76, "i32.rotl": 0x77, "i32.rotr": 0x78,
  "i64.clz": 0x79, "i64.ctz": 0x7a, "i64.popcnt": 0x7b, "i64.add": 0x7c, "i64.sub": 0x7d, "i64.mul": 0x7e,
  "i64.div_s": 0x7f, "i64.div_u": 0x80, "i64.rem_s": 0x81, "i64.rem_u": 0x82, "i64.and": 0x83, "i64.or": 0x84,
  "i64.xor": 0x85, "i64.shl": 0x86, "i64.shr_s": 0x87, "i64.shr_u": 0x88, "i64.rotl": 0x89, "i64.rotr": 0x8a,
  "f32.abs": 0x8b, "f32.neg": 0x8c, "f32.ceil": 0x8d, "f32.floor": 0x8e, "f32.trunc": 0x8f, "f32.nearest": 0x90,
  "f32.sqrt": 0x91, "f32.add": 0x92, "f32.sub": 0x93, "f32.mul": 0x94, "f32.div": 0x95, "f32.min": 0x96,
  "f32.max": 0x97, "f32.copysign": 0x98,
  "f64.abs": 0x99, "f64.neg": 0x9a, "f64.ceil": 0x9b, "f64.floor": 0x9c, "f64.trunc": 0x9d, "f64.nearest": 0x9e,
  "f64.sqrt": 0x9f, "f64.add": 0xa0, "f64.sub": 0xa1, "f64.mul": 0xa2, "f64.div": 0xa3, "f64.min": 0xa4,
  "f64.max": 0xa5, "f64.copysign": 0xa6,
  "i32.wrap_i64": 0xa7, "i64.extend_i32_s": 0xac, "i64.extend_i32_u": 0xad, "f32.convert_i32_s": 0xb2,
  "f32.convert_i32_u": 0xb3, "f32.convert_i64_s": 0xb4, "f32.convert_i64_u": 0xb5, "f32.demote_f64": 0xb6,
  "f64.convert_i32_s": 0xb7, "f64.convert_i32_u": 0xb8, "f64.convert_i64_s": 0xb9, "f64.convert_i64_u": 0xba,
  "f64.promote_f32": 0xbb, "i32.reinterpret_f32": 0xbc, "i64.reinterpret_f64": 0xbd, "f32.reinterpret_i32": 0xbe,
  "f64.reinterpret_i64": 0xbf,
  "i32.trunc_sat_f32_s": PREFIX_FC + 0, "i32.trunc_sat_f64_s": PREFIX_FC + 2, "i64.trunc_sat_f32_s": PREFIX_FC + 4,
  "i64.trunc_sat_f64_s": PREFIX_FC + 6,

  "i8x16.swizzle": PREFIX_FD + 14, "i8x16.splat": PREFIX_FD + 15, "i16x8.splat": PREFIX_FD + 16,
  "i32x4.splat": PREFIX_FD + 17, "i64x2.splat": PREFIX_FD + 18, "f32x4.splat": PREFIX_FD + 19,
  "f64x2.splat": PREFIX_FD + 20,
  "i8x16.eq": PREFIX_FD + 35, "i8x16.ne": PREFIX_FD + 36, "i8x16.gt_s": PREFIX_FD + 39, "i8x16.gt_u": PREFIX_FD + 40,
  "i16x8.eq": PREFIX_FD + 45, "i16x8.ne": PREFIX_FD + 46,
  "i32x4.eq": PREFIX_FD + 55, "i32x4.ne": PREFIX_FD + 56, "i32x4.lt_s": PREFIX_FD + 57, "i32x4.lt_u": PREFIX_FD + 58,
  "i32x4.gt_s": PREFIX_FD + 59, "i32x4.gt_u": PREFIX_FD + 60, "i32x4.le_s": PREFIX_FD + 61,
  "i32x4.le_u": PREFIX_FD + 62, "i32x4.ge_s": PREFIX_FD + 63, "i32x4.ge_u": PREFIX_FD + 64,
  "f32x4.eq": PREFIX_FD + 65, "f32x4.ne": PREFIX_FD + 66, "f32x4.lt": PREFIX_FD + 67, "f32x4.gt": PREFIX_FD + 68,
  "f32x4.le": PREFIX_FD + 69, "f32x4.ge": PREFIX_FD + 70, "f64x2.eq": PREFIX_FD + 71, "f64x2.ne": PREFIX_FD + 72,
  "f64x2.lt": PREFIX_FD + 73, "f64x2.gt": PREFIX_FD + 74, "f64x2.le": PREFIX_FD + 75, "f64x2.ge": PREFIX_FD + 76,
  "v128.not": PREFIX_FD + 77, "v128.and": PREFIX_FD + 78, "v128.andnot": PREFIX_FD + 79, "v128.or": PREFIX_FD + 80,
  "v128.xor": PREFIX_FD + 81, "v128.bitselect": PREFIX_FD + 82, "v128.any_true": PREFIX_FD + 83,
  "f32x4.demote_f64x2_zero": PREFIX_FD + 94, "f64x2.promote_low_f32x4": PREFIX_FD + 95,

  "i8x16.abs": PREFIX_FD + 96, "i8x16.neg": PREFIX_FD + 97, "i8x16.all_true": PREFIX_FD + 99,
  "i8x16.bitmask": PREFIX_FD + 100, "i8x16.narrow_i16x8_s": PREFIX_FD + 101, "i8x16.narrow_i16x8_u": PREFIX_FD + 102,
  "i8x16.shl": PREFIX_FD + 107, "i8x16.shr_s": PREFIX_FD + 108, "i8x16.shr_u": PREFIX_FD + 109,
  "i8x16.add": PREFIX_FD + 110, "i8x16.sub": PREFIX_FD + 113, "i8x16.min_s": PREFIX_FD + 118,
  "i8x16.min_u": PREFIX_FD + 119, "i8x16.max_s": PREFIX_FD + 120, "i8x16.max_u": PREFIX_FD + 121,
  "i16x8.narrow_i32x4_s": PREFIX_FD + 133, "i16x8.narrow_i32x4_u": PREFIX_FD + 134,
  "i16x8.extend_low_i8x16_s": PREFIX_FD + 135, "i16x8.extend_high_i8x16_s": PREFIX_FD + 136,
  "i16x8.extend_low_i8x16_u": PREFIX_FD + 137, "i16x8.extend_high_i8x16_u": PREFIX_FD + 138,
  "i16x8.shl": PREFIX_FD + 139, "i16x8.shr_s": PREFIX_FD + 140, "i16x8.shr_u": PREFIX_FD + 141,
  "i16x8.add": PREFIX_FD + 142, "i16x8.sub": PREFIX_FD + 145, "i16x8.mul": PREFIX_FD + 149,
  "i16x8.extadd_pairwise_i8x16_u": PREFIX_FD + 125, "i32x4.extadd_pairwise_i16x8_u": PREFIX_FD + 127,

  "i32x4.abs": PREFIX_FD + 160, "i32x4.neg": PREFIX_FD + 161, "i32x4.all_true": PREFIX_FD + 163,
  "i32x4.bitmask": PREFIX_FD + 164, "i32x4.extend_low_i16x8_s": PREFIX_FD + 167,
  "i32x4.extend_high_i16x8_s": PREFIX_FD + 168, "i32x4.extend_low_i16x8_u": PREFIX_FD + 169,
  "i32x4.extend_high_i16x8_u": PREFIX_FD + 170, "i32x4.shl": PREFIX_FD + 171, "i32x4.shr_s": PREFIX_FD + 172,
  "i32x4.shr_u": PREFIX_FD + 173, "i32x4.add": PREFIX_FD + 174, "i32x4.sub": PREFIX_FD + 177,
  "i32x4.mul": PREFIX_FD + 181, "i32x4.min_s": PREFIX_FD + 182, "i32x4.min_u": PREFIX_FD + 183,
  "i32x4.max_s": PREFIX_FD + 184, "i32x4.max_u": PREFIX_FD + 185, "i32x4.dot_i16x8_s": PREFIX_FD + 186,

  "i64x2.abs": PREFIX_FD + 192, "i64x2.neg": PREFIX_FD + 193, "i64x2.all_true": PREFIX_FD + 195,
  "i64x2.bitmask": PREFIX_FD + 196, "i64x2.extend_low_i32x4_s": PREFIX_FD + 199,
  "i64x2.extend_high_i32x4_s": PREFIX_FD + 200, "i64x2.extend_low_i32x4_u": PREFIX_FD + 201,
  "i64x2.extend_high_i32x4_u": PREFIX_FD + 202, "i64x2.shl": PREFIX_FD + 203, "i64x2.shr_s": PREFIX_FD + 204,
  "i64x2.shr_u": PREFIX_FD + 205, "i64x2.add": PREFIX_FD + 206, "i64x2.sub": PREFIX_FD + 209,
  "i64x2.mul": PREFIX_FD + 213, "i64x2.eq": PREFIX_FD + 214, "i64x2.ne": PREFIX_FD + 215,
  "i64x2.lt_s": PREFIX_FD + 216, "i64x2.gt_s": PREFIX_FD + 217, "i64x2.le_s": PREFIX_FD + 218,
  "i64x2.ge_s": PREFIX_FD + 219, "i64x2.extmul_low_i32x4_s": PREFIX_FD + 220,
  "i64x2.extmul_high_i32x4_s": PREFIX_FD + 221, "i64x2.extmul_low_i32x4_u": PREFIX_FD + 222,
  "i64x2.extmul_high_i32x4_u": PREFIX_FD + 223,

  "f32x4.ceil": PREFIX_FD + 103, "f32x4.floor": PREFIX_FD + 104, "f32x4.trunc": PREFIX_FD + 105,
  "f32x4.nearest": PREFIX_FD + 106, "f32x4.abs": PREFIX_FD + 224, "f32x4.neg": PREFIX_FD + 225,
  "f32x4.sqrt": PREFIX_FD + 227, "f32x4.add": PREFIX_FD + 228, "f32x4.sub": PREFIX_FD + 229,
  "f32x4.mul": PREFIX_FD + 230, "f32x4.div": PREFIX_FD + 231, "f32x4.min": PREFIX_FD + 232,
  "f32x4.max": PREFIX_FD + 233, "f32x4.pmin": PREFIX_FD + 234, "f32x4.pmax": PREFIX_FD + 235,
  "f64x2.ceil": PREFIX_FD + 116, "f64x2.floor": PREFIX_FD + 117, "f64x2.trunc": PREFIX_FD + 122,
  "f64x2.nearest": PREFIX_FD + 148, "f64x2.abs": PREFIX_FD + 236, "f64x2.neg": PREFIX_FD + 237,
  "f64x2.sqrt": PREFIX_FD + 239, "f64x2.add": PREFIX_FD + 240, "f64x2.sub": PREFIX_FD + 241,
  "f64x2.mul": PREFIX_FD + 242, "f64x2.div": PREFIX_FD + 243, "f64x2.min": PREFIX_FD + 244,
  "f64x2.max": PREFIX_FD + 245, "f64x2.pmin": PREFIX_FD + 246, "f64x2.pmax": PREFIX_FD + 247,
  "i32x4.trunc_sat_f32x4_s": PREFIX_FD + 248, "i32x4.trunc_sat_f32x4_u": PREFIX_FD + 249,
  "f32x4.convert_i32x4_s": PREFIX_FD + 250, "f32x4.convert_i32x4_u": PREFIX_FD + 251,
  "i32x4.trunc_sat_f64x2_s_zero": PREFIX_FD + 252, "i32x4.trunc_sat_f64x2_u_zero": PREFIX_FD + 253,
  "f64x2.convert_low_i32x4_s": PREFIX_FD + 254, "f64x2.convert_low_i32x4_u": PREFIX_FD + 255,

  "f32x4.relaxed_madd": PREFIX_FD + 0x105, "f32x4.relaxed_nmadd": PREFIX_FD + 0x106,
  "f64x2.relaxed_madd": PREFIX_FD + 0x107, "f64x2.relaxed_nmadd": PREFIX_FD + 0x108,
  "i32x4.relaxed_laneselect": PREFIX_FD + 0x10b, "i64x2.relaxed_laneselect": PREFIX_FD + 0x10c,
} as const;

/** An instruction without immediate operands. */
export type PlainOp = keyof typeof PLAIN;

/** Loads and stores: opcode and the natural alignment as a power of two. */
// deno-fmt-ignore
export const MEMORY = {
  "i32.load": [0x28, 2], "i64.load": [0x29, 3], "f32.load": [0x2a, 2], "f64.load": [0x2b, 3],
  "i32.load8_s": [0x2c, 0], "i32.load8_u": [0x2d, 0], "i32.load16_s": [0x2e, 1], "i32.load16_u": [0x2f, 1],
  "i32.store": [0x36, 2], "i64.store": [0x37, 3], "f32.store": [0x38, 2], "f64.store": [0x39, 3],
  "i32.store8": [0x3a, 0], "i32.store16": [0x3b, 1],
  "v128.load": [PREFIX_FD + 0, 4], "v128.load8x8_u": [PREFIX_FD + 2, 3], "v128.load16x4_u": [PREFIX_FD + 4, 3],
  "v128.load32x2_s": [PREFIX_FD + 5, 3], "v128.load32x2_u": [PREFIX_FD + 6, 3],
  "v128.load8_splat": [PREFIX_FD + 7, 0], "v128.load16_splat": [PREFIX_FD + 8, 1],
  "v128.load32_splat": [PREFIX_FD + 9, 2], "v128.load64_splat": [PREFIX_FD + 10, 3],
  "v128.store": [PREFIX_FD + 11, 4], "v128.load32_zero": [PREFIX_FD + 92, 2], "v128.load64_zero": [PREFIX_FD + 93, 3],
} as const;

/** A load or store of a whole value. */
export type MemoryOp = keyof typeof MEMORY;

/** Loads and stores of one lane of a vector: opcode, natural alignment as a power of two, number of lanes. */
// deno-fmt-ignore
export const MEMORY_LANE = {
  "v128.load8_lane": [PREFIX_FD + 84, 0, 16], "v128.load16_lane": [PREFIX_FD + 85, 1, 8],
  "v128.load32_lane": [PREFIX_FD + 86, 2, 4], "v128.load64_lane": [PREFIX_FD + 87, 3, 2],
  "v128.store8_lane": [PREFIX_FD + 88, 0, 16], "v128.store16_lane": [PREFIX_FD + 89, 1, 8],
  "v128.store32_lane": [PREFIX_FD + 90, 2, 4], "v128.store64_lane": [PREFIX_FD + 91, 3, 2],
} as const;

/** A load or store of one lane. */
export type MemoryLaneOp = keyof typeof MEMORY_LANE;

/** Moves between a lane and a scalar: opcode and number of lanes. */
// deno-fmt-ignore
export const LANE = {
  "i8x16.extract_lane_s": [PREFIX_FD + 21, 16], "i8x16.extract_lane_u": [PREFIX_FD + 22, 16],
  "i8x16.replace_lane": [PREFIX_FD + 23, 16], "i32x4.extract_lane": [PREFIX_FD + 27, 4],
  "i32x4.replace_lane": [PREFIX_FD + 28, 4], "i64x2.extract_lane": [PREFIX_FD + 29, 2],
  "i64x2.replace_lane": [PREFIX_FD + 30, 2], "f32x4.extract_lane": [PREFIX_FD + 31, 4],
  "f32x4.replace_lane": [PREFIX_FD + 32, 4], "f64x2.extract_lane": [PREFIX_FD + 33, 2],
  "f64x2.replace_lane": [PREFIX_FD + 34, 2],
} as const;

/** A move between a lane and a scalar. */
export type LaneOp = keyof typeof LANE;
