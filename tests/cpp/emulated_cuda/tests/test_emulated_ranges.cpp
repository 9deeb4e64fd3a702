// The steps of a solve and of a sweep carry names that a profiler can read: one that is linked in
// here writes them down.
#include <nvtx3/nvToolsExt.h>

#include "fixture.hpp"

#include "cuda/engine/plan.hpp"

using namespace fixture;

namespace {

std::vector<std::string> names; // in the order of their beginnings
int depth = 0, deepest = 0;

int push(const char *name) {
  names.emplace_back(name);
  deepest = std::max(deepest, ++depth);
  return depth;
}

int pop() { return --depth; }

int attach(NvtxGetExportTableFunc_t table_of) {
  const auto *callbacks =
      static_cast<const NvtxExportTableCallbacks *>(table_of(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable table = nullptr;
  unsigned size = 0;
  if (!callbacks || !callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE, &table, &size))
    return 0;
  *table[NVTX_CBID_CORE_RangePushA] = reinterpret_cast<NvtxFunctionPointer>(&push);
  *table[NVTX_CBID_CORE_RangePop] = reinterpret_cast<NvtxFunctionPointer>(&pop);
  return 1;
}

bool named(const std::string &step) {
  return std::find(names.begin(), names.end(), "anagram: " + step) != names.end();
}

void a_solve_is_named() {
  names.clear();
  DeviceLinalg<double> device(queue());
  const DeviceMatrix<double> jt = upload<double>(low_rank<double>(150, 200, 60, 0.5).view());
  factorise(device, jt.view());
  for (const char *step : {"norm", "product", "QR of a sketch", "QR", "SVD of the triangle"})
    CHECK(named(step));
  CHECK(!named("Cholesky-QR")); // too short for it
  const DeviceMatrix<double> long_one = upload<double>(low_rank<double>(150, 700, 60, 0.5).view());
  factorise(device, long_one.view());
  CHECK(named("Cholesky-QR"));
  CHECK(depth == 0);
  CHECK(deepest >= 1);
}

void a_sweep_is_named() {
  names.clear();
  const anagram::cuda::Plan plan(NetShape({2, 8, 1}, Activation::tanh, {{{{0, 0}, 1.0}}}));
  const DeviceMatrix<double> theta = upload<double>(random<double>(33, 1, 1).view());
  const DeviceMatrix<double> points = upload<double>(random<double>(2, 9, 2).view());
  const DeviceMatrix<double> seeds = upload<double>(random<double>(9, 1, 3).view());
  DeviceMatrix<double> jets(9, 1, queue()), j(33, 9, queue()), sums(33, 1, queue());
  plan.jets(theta.view().data, 1, points.view().data, 9, jets.view().data, queue());
  plan.jacobian(theta.view().data, points.view().data, 9, seeds.view().data, 1, j.view().data, 33,
                queue());
  plan.vjp(theta.view().data, points.view().data, 9, seeds.view().data, 1, jets.view().data,
           sums.view().data, queue());
  plan.jvp(theta.view().data, points.view().data, 9, seeds.view().data, 1, theta.view().data,
           jets.view().data, queue());
  CHECK(names == std::vector<std::string>(
                     {"anagram: jets", "anagram: rows of J", "anagram: J^T w", "anagram: J v"}));
  CHECK(depth == 0);
}

} // namespace

int main() {
  InitializeInjectionNvtx2_fnptr = &attach; // where a profiler that is linked in is looked for
  return run([] {
    a_solve_is_named();
    a_sweep_is_named();
  });
}
