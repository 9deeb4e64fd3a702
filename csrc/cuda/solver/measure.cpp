#include "cuda/solver/measure.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "cuda/kernels.hpp"
#include "cuda/runtime/buffer.hpp"
#include "cuda/runtime/range.hpp"
#include "cuda/solver/narrow.hpp"

namespace anagram::cuda {
namespace {

// Lanes that read a matrix together: the same number on every device, so that sums are the same.
// Each has one number on its way, so that it takes all lanes of a large device, 2 MB of them, to
// read as fast as its memory can (Little's law: 3 TB/s times 0.7 microseconds).
int parts_of(int64_t size) { return static_cast<int>(std::min<int64_t>(size, 1 << 18)); }

// Throws for the first element, in row-major order of a^T, that is NaN or infinite.
template <class T>
void require_finite(const device::Deal<T> &deal, const char *name, int64_t first_row,
                    const Queue &queue) {
  const Buffer<int64_t> first(deal.n_parts, queue);
  launch_grid(device::FindNonFinite<T>{deal, first.data()}, queue);
  int64_t number = -1;
  for (const int64_t each : read_back<int64_t>(first.data(), deal.n_parts, queue))
    if (each >= 0 && (number < 0 || each < number))
      number = each;
  if (number < 0)
    return;
  const int64_t i = number % deal.a.rows, row = number / deal.a.rows;
  const T value = read_back<T>(&deal.a(i, row), 1, queue).front();
  throw_non_finite(name, first_row + row, i, static_cast<double>(value));
}

} // namespace

// By parts, and these in rounds until few enough are left to bring to the host.
template <class T>
std::unique_ptr<Arriving<Magnitude>> sums_on_their_way(MatrixView<const T> a, const Queue &queue) {
  const Range range("anagram: norm");
  constexpr int parts_a_sum = 128;
  int count = parts_of(a.rows * a.columns);
  Buffer<Magnitude> parts(count, queue);
  launch_grid(device::Measure<T>{{counted(a), count}, parts.data()}, queue);
  while (count > parts_a_sum) {
    const int n_sums = (count + parts_a_sum - 1) / parts_a_sum;
    Buffer<Magnitude> sums(n_sums, queue);
    launch_grid(device::CombineMagnitudes{parts.data(), count, sums.data(), n_sums}, queue);
    parts = std::move(sums);
    count = n_sums;
  }
  return std::make_unique<Arriving<Magnitude>>(parts.data(), count, queue);
}

template <class T>
DeviceMeasured<T>::DeviceMeasured(MatrixView<const T> a, const char *name, int64_t first_row,
                                  const Queue &queue)
    : queue_(queue), a_(a), name_(name), first_row_(first_row) {
  if (a.rows > 0 && a.columns > 0)
    sums_ = sums_on_their_way<T>(a, queue);
}

template <class T> Magnitude DeviceMeasured<T>::get() const {
  Magnitude total;
  if (!sums_)
    return total;
  for (const Magnitude &sum : sums_->get())
    total += sum;
  if (!std::isfinite(total.sum_of_squares)) // or finite numbers whose squares overflow
    require_finite<T>({counted(a_), parts_of(a_.rows * a_.columns)}, name_, first_row_, queue_);
  return total;
}

template std::unique_ptr<Arriving<Magnitude>> sums_on_their_way(MatrixView<const double>,
                                                                const Queue &);
template std::unique_ptr<Arriving<Magnitude>> sums_on_their_way(MatrixView<const float>,
                                                                const Queue &);
template class DeviceMeasured<double>;
template class DeviceMeasured<float>;

} // namespace anagram::cuda
