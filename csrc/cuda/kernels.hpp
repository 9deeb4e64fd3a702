// Launching: one CUDA block a tile, or the whole grid on one step.
#pragma once

#include "anagram/tile_blocks.hpp"
#include "device.hpp"

namespace anagram::cuda {

constexpr int block_threads = 256;

// functor(team machine, b, scratch) in CUDA block b < n_blocks, with shared scratch memory.
template <class T, class Functor>
void launch_blocks(const Functor &functor, int64_t n_blocks, int64_t scratch_elements,
                   const Queue &queue);

// step(grid).
template <class Step> void launch_grid(const Step &step, const Queue &queue);

} // namespace anagram::cuda
