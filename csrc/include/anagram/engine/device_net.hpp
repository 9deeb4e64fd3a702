// The network as a device kernel sees it: shapes and jet rules in plain arrays, weights apart.
#pragma once

#include "anagram/engine/activation.hpp"
#include "anagram/engine/jet_table.hpp"
#include "anagram/engine/layer_shape.hpp"

namespace anagram {

struct DeviceNet {
  int depth; // affine layers
  const LayerShape *layers;
  Activation activation;
  JetTable inner;       // rule of the hidden layers but the last: the closed basis
  JetTable outer;       // rule of the last hidden layer: the requested components only
  const double *linear; // [n_components, n_inputs]: the jet of the coordinates; unused when mapped
  bool mapped; // the input is given as jets [n_components, n_inputs] a point, else as [n_inputs]
  int n_inputs, n_outputs;
  int widest; // largest width, inputs and outputs included
  int64_t n_parameters;

  // The rule that produced the jet entering affine layer l, and the number of its slots.
  ANAGRAM_HD JetTable table(int l) const { return l == depth - 1 ? outer : inner; }
  ANAGRAM_HD int slots(int l) const { return table(l).n_entries; }

  // Numbers of the input that belong to one point.
  ANAGRAM_HD int64_t input_size() const {
    return static_cast<int64_t>(mapped ? inner.n_components : 1) * n_inputs;
  }

  // The slot of layer l's input that holds the value (it feeds the bias), or -1.
  ANAGRAM_HD int value_slot(int l) const {
    const JetTable rule = table(l);
    for (int k = 0; k < rule.n_entries; ++k)
      if (rule.entries[k].component == 0)
        return k;
    return -1;
  }
};

// One theta [P], and a copy with each W transposed to [n_in, n_out] at the same offset: lanes that
// compute neighbouring outputs then read neighbouring weights. Null where nobody needs it.
template <class T> struct Weights {
  const T *theta;
  const T *transposed;
};

enum class Task { jets, rows, tangent }; // rows: of J, stored or summed; tangent: J v

// Where the buffers of a tile of n points lie in its scratch memory, in elements: at even places,
// as pairs of them need it (team_product.hpp). The host asks for size(), the kernel for the rest.
struct TileLayout {
  DeviceNet net;
  int n;
  Task task;
  int slots; // the most that any layer has

  ANAGRAM_HD TileLayout(const DeviceNet &net_, int n_, Task task_)
      : net(net_), n(n_), task(task_),
        slots(net_.inner.n_entries > net_.outer.n_entries ? net_.inner.n_entries
                                                          : net_.outer.n_entries) {}

  static constexpr int n_partials = 32; // sums a point that J v is added up from

  ANAGRAM_HD int64_t jet() const { return n * (slots * even(net.widest)); }

  // Input of layer l [n, slots(l), n_in]; jets keeps one layer's only.
  ANAGRAM_HD int64_t h(int l) const {
    return task == Task::jets ? 0 : n * (net.inner.n_entries * net.layers[l].inputs_before);
  }
  // Output of layer l [n, slots(l), n_out].
  ANAGRAM_HD int64_t z(int l) const {
    if (task == Task::jets)
      return jet();
    const int64_t outputs_before =
        net.layers[l].inputs_before + even(net.layers[l].n_in) - even(net.n_inputs);
    return h_end() + n * (net.inner.n_entries * outputs_before);
  }
  ANAGRAM_HD int64_t hbar() const { return z_end(); }
  ANAGRAM_HD int64_t zbar() const { return hbar() + jet(); }
  ANAGRAM_HD int64_t tangent() const { return zbar() + jet(); }     // [n, slots, n_out]
  ANAGRAM_HD int64_t partials() const { return tangent() + jet(); } // [n, n_partials]

  ANAGRAM_HD int64_t size() const {
    if (task == Task::jets)
      return 2 * jet();
    return task == Task::rows ? tangent() : partials() + static_cast<int64_t>(n) * n_partials;
  }

private:
  ANAGRAM_HD int64_t h_end() const {
    const int last = net.depth - 1;
    return h(last) + n * (net.slots(last) * even(net.layers[last].n_in));
  }
  // Hidden layers only: nobody needs the output of the last layer after the sweep.
  ANAGRAM_HD int64_t z_end() const { return z(net.depth - 1); }
};

} // namespace anagram
