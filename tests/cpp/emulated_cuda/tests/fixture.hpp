// Matrices on the emulated device and on the host, and what the tests compare.
#pragma once

#include "check.hpp"
#include "cpu/solver/factorise.hpp"
#include "cpu/solver/lapack.hpp"
#include "cuda/solver/factorise.hpp"
#include "emulated_cuda/device_memory.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

namespace fixture {

using namespace anagram;
using anagram::cuda::DeviceLinalg;
using anagram::cuda::DeviceMatrix;
using anagram::cuda::Queue;

// A stream of the device that is not current.
inline Queue queue() {
  static const Queue made{1, emulated_cuda::make_stream(1)};
  return made;
}

template <class T> DeviceMatrix<T> upload(MatrixView<const T> from) {
  const cuda::DeviceGuard guard(queue().device);
  DeviceMatrix<T> to(from.rows, from.columns, queue());
  for (std::int64_t j = 0; j < from.columns; ++j) {
    cuda::write<T>(&from(0, j), from.rows, to.view().column_range(j, 1).data, queue());
  }
  return to;
}

template <class T> HostMatrix<T> download(MatrixView<const T> from) {
  const cuda::DeviceGuard guard(queue().device);
  HostMatrix<T> to(from.rows, from.columns);
  for (std::int64_t j = 0; j < from.columns; ++j) {
    const std::vector<T> column = cuda::read_back(from.column_range(j, 1).data, from.rows, queue());
    std::copy(column.begin(), column.end(), &to.view()(0, j));
  }
  return to;
}

template <class T> HostMatrix<T> random(std::int64_t rows, std::int64_t columns, unsigned seed) {
  HostMatrix<T> made(rows, columns);
  HostLinalg<T>().fill_random(made.view(), seed);
  return made;
}

// [rows, columns] of rank `rank`, term i of size decay^i.
template <class T>
HostMatrix<T> low_rank(std::int64_t rows, std::int64_t columns, std::int64_t rank, double decay) {
  HostMatrix<T> left = random<T>(rows, rank, 101), right = random<T>(rank, columns, 102);
  for (std::int64_t j = 0; j < columns; ++j)
    for (std::int64_t i = 0; i < rank; ++i)
      right.view()(i, j) *= static_cast<T>(std::pow(decay, static_cast<double>(i)));
  HostMatrix<T> product(rows, columns);
  HostLinalg<T>().multiply(left.view(), right.view(), product.view());
  return product;
}

// Largest difference relative to the largest element; infinite for NaN or another shape.
template <class T> double distance(MatrixView<const T> got, MatrixView<const T> expected) {
  if (got.rows != expected.rows || got.columns != expected.columns)
    return INFINITY;
  double worst = 0, scale = 0;
  for (std::int64_t j = 0; j < got.columns; ++j)
    for (std::int64_t i = 0; i < got.rows; ++i) {
      const double difference = std::abs(static_cast<double>(got(i, j)) - expected(i, j));
      if (std::isnan(difference))
        return INFINITY;
      worst = std::max(worst, difference);
      scale = std::max(scale, std::abs(static_cast<double>(expected(i, j))));
    }
  return scale > 0 ? worst / scale : worst;
}

template <class T> double distance(const DeviceMatrix<T> &got, const HostMatrix<T> &expected) {
  return distance<T>(download<T>(got.view()).view(), expected.view());
}

// From and to the host, for templates over both kinds of Linalg.
template <class T> HostMatrix<T> moved_to(const HostLinalg<T> &linalg, const HostMatrix<T> &a) {
  return linalg.copy(a.view());
}
template <class T> DeviceMatrix<T> moved_to(const DeviceLinalg<T> &, const HostMatrix<T> &a) {
  return upload<T>(a.view());
}
template <class T> HostMatrix<T> on_host(const HostMatrix<T> &a) {
  return HostLinalg<T>().copy(a.view());
}
template <class T> HostMatrix<T> on_host(const DeviceMatrix<T> &a) { return download<T>(a.view()); }

template <class T> double eps() { return std::numeric_limits<T>::epsilon(); }

// Binds LAPACK, runs the tests, and requires that they leave no allocation, no refused call and the
// caller's device behind.
template <class Tests> int run(const Tests &tests) {
  const char *library = std::getenv("ANAGRAM_TEST_LAPACK");
  CHECK(library && *library);
  if (!library || !*library)
    return check::exit_status();
  const bool of_scipy = std::string(library).find("libscipy_openblas") != std::string::npos;
  CHECK(bind_lapack_library("test", library, of_scipy ? "scipy_" : "").empty());
  try {
    tests();
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    CHECK(false);
  }
  CHECK(emulated_cuda::live_allocations() == 0);
  CHECK(emulated_cuda::current_device() == 0);
  return check::exit_status();
}

} // namespace fixture
