// Launching: one CUDA block a tile, or the whole grid on one step.
#pragma once

#include "anagram/engine/packed_tables.hpp"
#include "anagram/engine/tile_blocks.hpp"
#include "anagram/solver/steps.hpp"
#include "cuda/runtime/device.hpp"

namespace anagram::cuda {

constexpr int block_threads = 256;

// functor(team machine, b, scratch) in CUDA block b < n_blocks, with shared scratch memory. With
// tables its net gets those, whatever its own pointers are.
template <class T, class Functor>
void launch_blocks(const Functor &functor, const PackedTables *tables, int64_t n_blocks,
                   int64_t scratch_elements, const Queue &queue);

// step(grid).
template <class Step> void launch_grid(const Step &step, const Queue &queue);

// Everything that is ever launched, with T = double and float: what a backend instantiates.
#define ANAGRAM_TILE_BLOCKS(X, T)                                                                  \
  X(T, JetsBlock)                                                                                  \
  X(T, JacobianBlock)                                                                              \
  X(T, VjpBlock)                                                                                   \
  X(T, JvpBlock)
#define ANAGRAM_SWEEP_STEPS(X, T)                                                                  \
  X(T, Transpose)                                                                                  \
  X(T, FillInput)                                                                                  \
  X(T, Activate)                                                                                   \
  X(T, StoreJets)                                                                                  \
  X(T, FillSeed)                                                                                   \
  X(T, ReverseActivation)                                                                          \
  X(T, StoreRows)                                                                                  \
  X(T, AddTangent)                                                                                 \
  X(T, StoreTangent)                                                                               \
  X(T, SumChunks)                                                                                  \
  X(T, FillOnes)
#define ANAGRAM_SOLVER_STEPS(X, T)                                                                 \
  X(T, FillRandom)                                                                                 \
  X(T, CopyTransposed)                                                                             \
  X(T, CopyScaled)                                                                                 \
  X(T, CopyUpperTriangle)                                                                          \
  X(T, CopyFactor)                                                                                 \
  X(T, AddToDiagonal)                                                                              \
  X(T, DivideRows)                                                                                 \
  X(T, Measure)                                                                                    \
  X(T, FindNonFinite)

} // namespace anagram::cuda
