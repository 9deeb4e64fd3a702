// What goes wrong becomes a typed exception that says where, and leaves nothing behind; and the
// emulated machine notices what a real one would.
#include "fixture.hpp"

#include "cuda/engine/net_on_device.hpp"
#include "cuda/runtime/libraries.hpp"
#include "cuda/runtime/status.hpp"

#include <csignal>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

using namespace fixture;
using anagram::cuda::CudaError;
using anagram::cuda::OutOfMemory;

namespace {

// The text of the exception that is exactly an E; empty if there is another one or none.
template <class E, class F> std::string text_of(const F &f) {
  try {
    f();
  } catch (const E &error) {
    return typeid(error) == typeid(E) ? error.what() : "";
  } catch (...) {
  }
  return "";
}

bool contains(const std::string &text, const std::string &part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found)
    std::fprintf(stderr, "'%s' is not in '%s'\n", part.c_str(), text.c_str());
  return found;
}

void factorise_on_device(const HostMatrix<double> &jt) {
  DeviceLinalg<double> device(queue());
  const DeviceMatrix<double> on_device = upload<double>(jt.view());
  factorise(device, on_device.view());
}

void non_finite_input() {
  for (const double bad : {std::nan(""), double(INFINITY), -double(INFINITY)}) {
    HostMatrix<double> jt = random<double>(40, 70, 1);
    jt.view()(3, 59) = bad;
    jt.view()(5, 59) = bad; // not the first
    jt.view()(1, 65) = bad;
    CHECK(contains(text_of<NonFiniteInput>([&] { factorise_on_device(jt); }),
                   "J: element [59, 3] is " + std::to_string(bad)));
    jt.view()(0, 0) = bad;
    CHECK(contains(text_of<NonFiniteInput>([&] { factorise_on_device(jt); }), "element [0, 0]"));
  }
  HostMatrix<double> large = random<double>(40, 70, 1);
  large.view()(3, 59) = std::numeric_limits<double>::max(); // finite, though its square is not
  factorise_on_device(large);

  HostMatrix<float> tile = random<float>(10, 6, 2);
  tile.view()(2, 4) = INFINITY;
  const DeviceMatrix<float> tile_ = upload<float>(tile.view());
  DeviceLinalg<float> device(queue());
  const DeviceMatrix<float> good = upload<float>(random<float>(10, 6, 2).view());
  TiledJacobian<DeviceLinalg<float>> tiles(
      device, {6, 6}, 10, [&](std::int64_t i) { return i == 0 ? good.view() : tile_.view(); });
  CHECK(contains(text_of<NonFiniteInput>([&] { factorise_tiles(device, tiles); }),
                 "J: element [10, 2] is inf"));
}

void out_of_memory() {
  emulated_cuda::limit_memory(400000); // J takes 192000
  const std::string text =
      text_of<OutOfMemory>([] { factorise_on_device(random<double>(120, 200, 3)); });
  emulated_cuda::limit_memory(std::int64_t(1) << 31);
  CHECK(contains(text, "needed 1 MiB, free 1 MiB of 1 MiB"));
  CHECK(contains(text, "memory=\"streamed\""));
  CHECK(emulated_cuda::live_allocations() == 0);
}

// The memory of the dense path is counted before its work begins: just enough, besides workspaces
// of cuSOLVER, is enough, and a byte less is refused at once. The norm of J, which comes first,
// takes less than that: two numbers an element.
void memory_of_the_dense_path() {
  const HostMatrix<double> jt = random<double>(60, 100, 3); // J [100, 60]
  const std::int64_t j_bytes = 60 * 100 * 8, counted = dense_elements(100, 60) * 8;
  CHECK(counted == (60 * 100 + 3 * 60 * 60) * 8 && counted == dense_elements(60, 100) * 8);
  emulated_cuda::fail_next("cusolverDnDgeqrf", 7);
  emulated_cuda::limit_memory(j_bytes + counted - 1);
  CHECK(!text_of<OutOfMemory>([&] { factorise_on_device(jt); }).empty());
  CHECK(emulated_cuda::take_failure("cusolverDnDgeqrf") == 7); // it was not called
  emulated_cuda::limit_memory(j_bytes + counted + (std::int64_t(1) << 16));
  factorise_on_device(jt);
  emulated_cuda::limit_memory(std::int64_t(1) << 31);
  CHECK(emulated_cuda::live_allocations() == 0);
}

// Each function in turn fails in the middle of a factorisation.
void failing_calls() {
  const HostMatrix<double> adaptive = low_rank<double>(260, 270, 190, 0.9); // several sketches
  const HostMatrix<double> large = random<double>(400, 410, 5); // too large for the host's SVD
  const auto failure = [&](const std::string &function, int status) {
    const bool is_svd = function.find("gesvd") != std::string::npos;
    emulated_cuda::fail_next(function, status);
    const std::string text =
        text_of<CudaError>([&] { factorise_on_device(is_svd ? large : adaptive); });
    CHECK(emulated_cuda::live_allocations() == 0);
    CHECK(emulated_cuda::current_device() == 0);
    CHECK(emulated_cuda::take_failure(function) == 0); // it was called
    return text;
  };
  CHECK(contains(failure("cusolverDnDgeqrf", 6),
                 "cuSOLVER: the program failed to execute on the device [status 6] in "
                 "cusolver.geqrf("));
  for (const char *function :
       {"cusolverDnDgeqrf_bufferSize", "cusolverDnDormqr", "cusolverDnDormqr_bufferSize",
        "cusolverDnDorgqr", "cusolverDnDorgqr_bufferSize", "cusolverDnXgesvdp",
        "cusolverDnXgesvdp_bufferSize"})
    CHECK(contains(failure(function, 7), "internal error [status 7]"));
  CHECK(contains(failure("cusolverDnXgesvdp", 7), "(cusolver.cpp:"));
  CHECK(contains(failure("cublasDgemm_v2", 13), "cuBLAS: the program failed to execute"));
  CHECK(contains(failure("cublasDgemm_v2", 13), "(blas.cpp:"));
  for (const char *function : {"cudaMemcpy2DAsync", "cudaStreamSynchronize"})
    CHECK(contains(failure(function, cudaErrorLaunchFailure), "CUDA: emulated error"));

  emulated_cuda::fail_next("cusolverDnDgeqrf", 2); // a library's own memory
  CHECK(!text_of<OutOfMemory>([&] { factorise_on_device(adaptive); }).empty());
}

void nonzero_info() {
  const HostMatrix<double> adaptive = low_rank<double>(260, 270, 190, 0.9);
  const auto failure = [&](const std::string &function, int info) {
    emulated_cuda::leave_info(function, info);
    const std::string text = text_of<CudaError>([&] { factorise_on_device(adaptive); });
    CHECK(emulated_cuda::live_allocations() == 0);
    CHECK(emulated_cuda::take_info(function) == 0);
    return text;
  };
  for (const char *function : {"cusolverDnDgeqrf", "cusolverDnDormqr", "cusolverDnDorgqr"})
    CHECK(contains(failure(function, -3), "argument 3 is wrong [info -3]"));
}

// An info is looked at by the next wait, whatever that is for: no call waits for its own.
void late_infos() {
  DeviceLinalg<double> device(queue());
  const auto qr = [&] { return device.qr(upload<double>(random<double>(9, 3, 1).view())); };
  const std::int64_t before = emulated_cuda::waits();
  emulated_cuda::leave_info("cusolverDnDgeqrf", -5);
  const auto reflectors = qr();
  CHECK(emulated_cuda::waits() == before);
  const auto wait = [&] { device.checked_magnitude(reflectors.scales.view(), "scales"); };
  CHECK(
      contains(text_of<CudaError>(wait), "argument 5 is wrong [info -5] in geqrf (cusolver.cpp:"));
  wait(); // told once
  // What a wait that fails would have brought is forgotten.
  emulated_cuda::leave_info("cusolverDnDgeqrf", -5);
  qr();
  emulated_cuda::fail_next("cudaStreamSynchronize", cudaErrorLaunchFailure);
  CHECK(contains(text_of<CudaError>(wait), "CUDA: emulated error"));
  wait();
  for (int i = 0; i < 200; ++i) // more than there is room for
    qr();
  CHECK(emulated_cuda::waits() < before + 10);
  wait();
}

// Where a method of cuSOLVER does not converge, or is not accurate, the next one does the work, and
// the host's LAPACK in the end.
void no_convergence() {
  const HostMatrix<double> large = random<double>(400, 410, 5);
  const DeviceMatrix<double> on_device = upload<double>(large.view());
  DeviceLinalg<double> device(queue());
  const auto expected = factorise(device, on_device.view());
  const auto compare = [&](std::vector<const char *> infos, bool by_iteration) {
    for (const char *info : infos)
      emulated_cuda::leave_info(info, 40);
    emulated_cuda::fail_next("cusolverDnXgesvd", by_iteration ? 0 : 7);
    const auto got = factorise(device, on_device.view());
    for (const char *info : infos)
      CHECK(emulated_cuda::take_info(info) == 0); // it was called
    CHECK(emulated_cuda::take_failure("cusolverDnXgesvd") == (by_iteration ? 0 : 7));
    CHECK(got.rank() == 400 && expected.rank() == 400);
    for (std::size_t i = 0; i < 400; ++i)
      CHECK_NEAR(got.singular_values[i], expected.singular_values[i],
                 50 * eps<double>() * expected.singular_values[0]);
  };
  compare({}, false); // QR iteration, which would fail, is not called
  compare({"cusolverDnXgesvdp"}, true);
  compare({"perturbation"}, true); // forty round-offs
  compare({"cusolverDnXgesvdp", "cusolverDnXgesvd"}, true);
}

// Where the Cholesky factor of a Gram matrix fails, reflectors take the place of Cholesky-QR.
void no_cholesky_factor() {
  const HostMatrix<double> jt = low_rank<double>(260, 400, 100, 0.5);
  const DeviceMatrix<double> on_device = upload<double>(jt.view());
  DeviceLinalg<double> device(queue());
  const auto expected = factorise(device, on_device.view());
  emulated_cuda::leave_info("cusolverDnDpotrf", 3);
  const auto got = factorise(device, on_device.view());
  CHECK(emulated_cuda::take_info("cusolverDnDpotrf") == 0); // it was called
  CHECK(got.rank() == expected.rank());
  for (std::size_t i = 0; i < got.singular_values.size(); ++i)
    CHECK_NEAR(got.singular_values[i], expected.singular_values[i],
               50 * eps<double>() * expected.singular_values[0]);
}

// A factorisation that goes while another device is current gives its memory back all the same.
void goes_anywhere() {
  for (const Queue &where : {queue(), Queue{1, nullptr}}) {
    const std::int64_t before = emulated_cuda::live_allocations();
    std::optional<DeviceMatrix<double>> matrix;
    {
      const anagram::cuda::DeviceGuard guard(1);
      matrix.emplace(3, 4, where);
      CHECK(emulated_cuda::live_allocations() == before + 1);
    }
    CHECK(emulated_cuda::current_device() == 0);
    matrix.reset();
    CHECK(emulated_cuda::live_allocations() == before);
  }
}

// A device that was current and stays so is not set again: that would make a context on a device
// without one.
void leaves_alone_what_is_current() {
  {
    const anagram::cuda::DeviceGuard guard(0);
    emulated_cuda::fail_next("cudaSetDevice", cudaErrorInvalidDevice);
  }
  CHECK(emulated_cuda::take_failure("cudaSetDevice") != 0); // it was not called
}

// What fails while something is given back is nobody's last error: the next launch would take it
// for its own.
void giving_back_fails_silently() {
  DeviceMatrix<double> matrix(3, 4, queue());
  double *const kept = matrix.view().data;
  emulated_cuda::fail_next("cudaFreeAsync", cudaErrorInvalidResourceHandle);
  matrix = DeviceMatrix<double>();
  CHECK(emulated_cuda::take_failure("cudaFreeAsync") == 0); // it was called
  CHECK(cudaGetLastError() == cudaSuccess);
  {
    const anagram::cuda::DeviceGuard guard(1);
    CHECK(cudaFreeAsync(kept, queue().stream) == cudaSuccess);
    emulated_cuda::fail_next("cudaSetDevice", cudaErrorInvalidDevice);
  }
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(emulated_cuda::current_device() == 1 && cudaSetDevice(0) == cudaSuccess);
}

// One name for as many streams as there are threads: what is kept for a stream would be shared.
void streams_of_threads_are_refused() {
  const auto use = [] { const DeviceLinalg<double> device(Queue{1, cudaStreamPerThread}); };
  CHECK(contains(text_of<std::invalid_argument>(use), "got cudaStreamPerThread"));
  CHECK(emulated_cuda::current_device() == 0);
}

void sizes_below_zero_are_refused() {
  const auto use = [] { const DeviceMatrix<double> made(-1, 4, queue()); };
  CHECK(contains(text_of<std::length_error>(use), "a buffer of -32 bytes"));
}

// The signal that ends a process which runs f, or 0.
template <class F> int signal_of(const F &f) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL); // not the report of a sanitizer
    f();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

void host_access_is_caught() {
  const DeviceMatrix<double> matrix = upload<double>(random<double>(4, 4, 1).view());
  volatile double sink = 0;
  CHECK(signal_of([&] { sink = matrix.view()(1, 1); }) == SIGSEGV);
  CHECK(signal_of([&] { matrix.view(); }) == 0);
  const double *gone = nullptr;
  {
    const DeviceMatrix<double> short_lived = upload<double>(random<double>(4, 4, 1).view());
    gone = short_lived.view().data;
  }
  CHECK(!emulated_cuda::on_device(gone, 8));
}

void forked_children_are_refused() {
  std::optional<DeviceMatrix<double>> matrix = upload<double>(random<double>(4, 4, 1).view());
  std::optional<anagram::cuda::NetOnDevice> net(
      std::in_place, NetTables(NetShape({2, 3, 1}, Activation::tanh, {{{{0, 0}, 1.0}}})));
  net->view(0);
  const std::int64_t allocations = emulated_cuda::live_allocations();
  const pid_t child = fork();
  if (child == 0) {
    try {
      const anagram::cuda::DeviceGuard guard(0);
    } catch (const anagram::cuda::CudaError &error) {
      matrix.reset(); // gives nothing back
      net.reset();
      if (emulated_cuda::live_allocations() != allocations)
        _exit(7);
      _exit(std::string(error.what()).find("spawn") != std::string::npos ? 0 : 8);
    }
    _exit(9);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  const anagram::cuda::DeviceGuard guard(0); // the parent goes on
}

// A graph that is being recorded is refused before anything is put on the stream, in words.
void captures_are_refused() {
  const HostMatrix<double> jt = low_rank<double>(80, 90, 40, 0.5);
  const DeviceMatrix<double> on_device = upload<double>(jt.view());
  const auto solve = [&] {
    DeviceLinalg<double> device(queue());
    factorise(device, on_device.view());
  };
  const std::int64_t waits = emulated_cuda::waits();
  emulated_cuda::capture(true);
  const std::string text = text_of<CudaError>(solve);
  emulated_cuda::capture(false);
  CHECK(contains(text, "a CUDA graph is being captured") && contains(text, "torch.cuda.graph"));
  CHECK(emulated_cuda::waits() == waits);
  emulated_cuda::fail_next("cudaStreamIsCapturing", cudaErrorStreamCaptureImplicit);
  CHECK(contains(text_of<CudaError>(solve), "a CUDA graph is being captured"));
  CHECK(cudaGetLastError() == cudaSuccess);
  solve();
}

// After an allocation that failed everything works as before, without a new process.
void memory_that_comes_back() {
  const HostMatrix<double> jt = random<double>(120, 200, 3);
  emulated_cuda::limit_memory(400000);
  CHECK(!text_of<OutOfMemory>([&] { factorise_on_device(jt); }).empty());
  CHECK(cudaGetLastError() == cudaSuccess);
  emulated_cuda::limit_memory(std::int64_t(1) << 31); // somebody has given memory back
  factorise_on_device(jt);
  CHECK(emulated_cuda::kept_bytes() == std::uint64_t(5) << 30); // between waits, of 80 GiB
}

void early_reads_are_caught() {
  const DeviceMatrix<double> matrix = upload<double>(random<double>(4, 1, 1).view());
  const anagram::cuda::DeviceGuard guard(1);
  double value = 1;
  ANAGRAM_CUDA(cudaMemcpyAsync(&value, matrix.view().data, sizeof value, cudaMemcpyDeviceToHost,
                               queue().stream));
  CHECK(std::isnan(value));
  ANAGRAM_CUDA(cudaStreamSynchronize(queue().stream));
  CHECK(value == random<double>(4, 1, 1).view()(0, 0));
}

void wrong_arguments_are_refused() {
  const anagram::cuda::DeviceGuard guard(1);
  const anagram::cuda::Libraries &all = anagram::cuda::libraries();
  DeviceMatrix<double> a = upload<double>(random<double>(6, 4, 1).view());
  DeviceMatrix<double> scales(4, 1, queue()), work(1000, 1, queue());
  HostMatrix<double> on_host = random<double>(6, 4, 1);
  const anagram::cuda::Buffer<int> info(1, queue());
  anagram::cuda::Handle solver = nullptr, blas = nullptr;
  CHECK(all.cusolverDnCreate(&solver) == 0 && all.cublasCreate_v2(&blas) == 0);
  double *const a_ = a.view().data, *const scales_ = scales.view().data;
  double *const work_ = work.view().data, *const host_ = on_host.view().data;
  int size = 0, host_info = 0;
  CHECK(all.cusolverDnDgeqrf_bufferSize(solver, 6, 4, a_, 6, &size) == 0);
  const auto geqrf = [&](anagram::cuda::Handle handle, int m, int n, double *matrix, int lda,
                         int lwork, int *result) {
    return all.cusolverDnDgeqrf(handle, m, n, matrix, lda, scales_, work_, lwork, result);
  };
  CHECK(geqrf(solver, 6, 4, a_, 6, size, info.data()) == 0);
  CHECK(geqrf(solver, 6, 4, a_, 5, size, info.data()) == 3);     // leading dimension
  CHECK(geqrf(solver, 6, 5, a_, 6, size, info.data()) == 3);     // beyond the allocation
  CHECK(geqrf(solver, -1, 4, a_, 6, size, info.data()) == 3);    // negative size
  CHECK(geqrf(solver, 6, 4, a_, 6, size - 1, info.data()) == 3); // workspace
  CHECK(geqrf(solver, 6, 4, host_, 6, size, info.data()) == 3);  // matrix on the host
  CHECK(geqrf(solver, 6, 4, a_, 6, size, &host_info) == 3);      // info on the host
  CHECK(geqrf(blas, 6, 4, a_, 6, size, info.data()) == 1);       // another library's handle
  CHECK(geqrf(nullptr, 6, 4, a_, 6, size, info.data()) == 1);
  const double one = 1;
  CHECK(all.cublasDgemm_v2(blas, 0, 0, 2, 2, 2, &one, a_, 6, a_, 6, &one, work_, 2) == 0);
  CHECK(all.cublasDgemm_v2(blas, 0, 0, 2, 2, 2, &one, a_, 1, a_, 6, &one, work_, 2) == 7);
  CHECK(all.cublasDgemm_v2(blas, 0, 0, 2, 2, 2, a_, a_, 6, a_, 6, &one, work_, 2) == 7);
  CHECK(all.cublasDgemm_v2(blas, 0, 0, 2, 2, 2, &one, host_, 6, a_, 6, &one, work_, 2) == 7);
  CHECK(cudaMemcpy2DAsync(host_, 48, a_, 40, 48, 4, cudaMemcpyDeviceToHost, queue().stream) ==
        cudaErrorInvalidPitchValue);
  CHECK(cudaMemcpyAsync(host_, host_, 8, cudaMemcpyDeviceToHost, queue().stream) ==
        cudaErrorInvalidValue);
  CHECK(cudaMemcpyAsync(a_, a_, 8, cudaMemcpyDeviceToHost, queue().stream) ==
        cudaErrorInvalidValue);
  (void)cudaGetLastError();
}

} // namespace

int main() {
  return run([] {
    non_finite_input();
    CHECK(emulated_cuda::refusals() == 0);
    out_of_memory();
    memory_of_the_dense_path();
    failing_calls();
    nonzero_info();
    late_infos();
    no_convergence();
    no_cholesky_factor();
    goes_anywhere();
    leaves_alone_what_is_current();
    giving_back_fails_silently();
    streams_of_threads_are_refused();
    sizes_below_zero_are_refused();
    host_access_is_caught();
    forked_children_are_refused();
    captures_are_refused();
    memory_that_comes_back();
    early_reads_are_caught();
    wrong_arguments_are_refused();
  });
}
