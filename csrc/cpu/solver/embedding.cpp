#include "cpu/solver/embedding.hpp"

#include "anagram/solver/random.hpp"
#include "cpu/aligned.hpp"
#include "cpu/kernels.hpp"
#include "cpu/pool.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace anagram {
namespace {

constexpr std::int64_t panel = embedding_panel; // entries of short vectors that are summed together
constexpr std::int64_t chunk = 128;             // short vectors that are gathered together

// Where each short vector goes, [long, blocks], and by which factor; its size keeps squared norms
// on average.
template <class T> struct Embedding {
  std::vector<std::int32_t> places;
  std::vector<T> factors;

  Embedding(std::int64_t from_length, std::int64_t to_length) {
    const T size = static_cast<T>(1 / std::sqrt(static_cast<double>(embedding_blocks)));
    const std::int64_t width = to_length / embedding_blocks, count = from_length * embedding_blocks;
    places.reserve(static_cast<std::size_t>(count));
    factors.reserve(static_cast<std::size_t>(count));
    for (std::int64_t k = 0; k < count; ++k) {
      const std::uint64_t bits = random_bits(0, static_cast<std::uint64_t>(k));
      const std::uint64_t in_block = ((bits >> 32) * static_cast<std::uint64_t>(width)) >> 32;
      places.push_back(static_cast<std::int32_t>(k % embedding_blocks * width) +
                       static_cast<std::int32_t>(in_block));
      factors.push_back(bits & 1 ? size : -size);
    }
  }
};

template <class T> struct PanelRows {
  const T *data; // [rows, panel]
  std::int64_t stride;
};

// Entries [first, first + count) of the short vectors [i, i + rows): in place where they lie one
// behind the other and fill the panel, else gathered.
template <class T>
PanelRows<T> panel_rows(MatrixView<const T> j_transposed, bool more_rows, std::int64_t first,
                        std::int64_t count, std::int64_t i, std::int64_t rows, T *gathered) {
  if (more_rows && count == panel)
    return {&j_transposed(first, i), j_transposed.stride};
  std::fill_n(gathered, rows * panel, T(0));
  for (std::int64_t k = 0; k < rows; ++k)
    for (std::int64_t j = 0; j < count; ++j)
      gathered[k * panel + j] =
          more_rows ? j_transposed(first + j, i + k) : j_transposed(i + k, first + j);
  return {gathered, panel};
}

} // namespace

template <class T> HostMatrix<T> embedded(MatrixView<const T> j_transposed, std::int64_t length) {
  constexpr std::int64_t worth_sharing = 1 << 20;                   // elements of J: a millisecond
  const bool more_rows = j_transposed.columns >= j_transposed.rows; // S >= P
  const auto [short_side, long_side] = std::minmax({j_transposed.rows, j_transposed.columns});
  const Embedding<T> embedding(long_side, length);
  HostMatrix<T> result(more_rows ? short_side : length, more_rows ? length : short_side);
  const MatrixView<T> to = result.view();

  const auto embed_panel = [&, short_side = short_side, long_side = long_side](std::int64_t task,
                                                                               int) {
    const std::int64_t first = task * panel, count = std::min(panel, short_side - first);
    AlignedBlock<T> memory((length + chunk) * panel);
    T *sums = memory.data(), *gathered = sums + length * panel; // [length, panel], [chunk, panel]
    std::fill_n(sums, length * panel, T(0));
    for (std::int64_t i = 0; i < long_side; i += chunk) {
      const std::int64_t rows = std::min(chunk, long_side - i);
      const auto x = panel_rows(j_transposed, more_rows, first, count, i, rows, gathered);
      const auto at = static_cast<std::size_t>(i * embedding_blocks);
      kernels<T>().add_to_sums(&embedding.places[at], &embedding.factors[at], rows, x.data,
                               x.stride, sums);
    }
    for (std::int64_t k = 0; k < length; ++k)
      for (std::int64_t j = 0; j < count; ++j)
        (more_rows ? to(first + j, k) : to(k, first + j)) = sums[k * panel + j];
  };
  const bool share = short_side * long_side > worth_sharing;
  parallel_for((short_side + panel - 1) / panel, share ? num_threads() : 1, embed_panel);
  return result;
}

template HostMatrix<double> embedded(MatrixView<const double>, std::int64_t);
template HostMatrix<float> embedded(MatrixView<const float>, std::int64_t);

} // namespace anagram
