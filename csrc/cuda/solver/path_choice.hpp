// Which path of the factorisation is to be faster on a device, and how it sketches: the mirror of
// cpu/solver/path_choice.hpp. Estimates, not measurements.
#pragma once

#include <algorithm>
#include <cstdint>

namespace anagram::cuda {

struct DevicePaths {
  // Up to this side the SVD of a square is one of the host's LAPACK. An estimate: on one core of a
  // server that took 0.8 ms at 96, 7.5 ms at 256 and 42 ms at 449; published times of cuSOLVER's QR
  // iteration on an A100 are 23 ms at 256 and 48 ms at 400.
  static constexpr int64_t largest_svd_on_host = 384;

  // Up to this side such an SVD of all of J costs no more than the passes that would spare it.
  static constexpr int64_t always_dense = 64;

  // The SVD by QR iteration is far slower on a device than products and QR are, so that leaving
  // out a tenth of the singular values pays.
  static int64_t largest_rank_by_products(int64_t short_side) {
    return short_side > always_dense ? short_side * 9 / 10 : 0;
  }

  // Columns of the first sketch. Wide ones: each waits for the stream to look at its diagonal, and
  // a product of 128 columns takes little longer than one of 32.
  static int64_t sketch_width(int64_t short_side) {
    return 32 * std::clamp<int64_t>(short_side / 8 / 32, 4, 8);
  }

  // J is sketched before anybody knows whether it is finite: that answer and the sketch's diagonal
  // then arrive by one wait. QR returns from whatever it is given.
  static constexpr bool looks_late = true;

  // Whether QR by products, of columns so long, is faster than by reflectors: three passes of
  // matrix products against column after column.
  static constexpr bool cholesky_qr_pays(int64_t rows, int64_t columns) {
    return columns >= 16 && rows >= 4 * columns;
  }

  // Products are bound by reading J: an embedding would read it as well.
  static constexpr bool embeds = false;

  // Of a J that is made by tiles.
  static constexpr int64_t tile_sketch_width = 256;
};

} // namespace anagram::cuda
