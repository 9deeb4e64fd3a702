// A CUDA block on the host: its lanes are threads of which one runs at a time, from barrier to
// barrier, in another order each phase. What a missing barrier would let happen does happen here,
// every time: a lane sees memory that the lanes after it have not written yet, or overwrites what
// they have not read yet.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

enum class LaneOrder { ascending, descending, shuffled };

class EmulatedBlock {
public:
  // Leaves out the `forgotten`-th barrier if that is not negative.
  EmulatedBlock(int size, LaneOrder order, unsigned seed = 0, int forgotten = -1)
      : size_(size), order_(order), random_(seed), forgotten_(forgotten) {}

  class Team {
  public:
    Team(EmulatedBlock *block, int lane) : block_(block), lane_(lane) {}
    int rank() const { return lane_; }
    int size() const { return block_->size_; }
    void sync() const { block_->sync(lane_); }

  private:
    EmulatedBlock *block_;
    int lane_;
  };

  // Calls f(team) on every lane; returns the number of barriers, or -1 if the lanes disagree on it.
  template <class F> int run(const F &f) {
    barriers_.assign(static_cast<size_t>(size_), 0);
    waiting_.clear();
    turn_ = std::vector<std::condition_variable>(static_cast<size_t>(size_));
    start_phase(all_lanes());
    std::vector<std::thread> lanes;
    for (int lane = 0; lane < size_; ++lane)
      lanes.emplace_back([&, lane] {
        wait_for_turn(lane);
        f(Team(this, lane));
        hand_over();
      });
    for (std::thread &lane : lanes)
      lane.join();
    const int count = barriers_.front();
    const bool agree =
        std::all_of(barriers_.begin(), barriers_.end(), [&](int other) { return other == count; });
    return agree ? count : -1;
  }

private:
  std::vector<int> all_lanes() const {
    std::vector<int> lanes(static_cast<size_t>(size_));
    std::iota(lanes.begin(), lanes.end(), 0);
    return lanes;
  }

  void sync(int lane) {
    if (barriers_[static_cast<size_t>(lane)]++ == forgotten_)
      return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      waiting_.push_back(lane);
    }
    hand_over();
    wait_for_turn(lane);
  }

  void start_phase(std::vector<int> lanes) {
    std::sort(lanes.begin(), lanes.end());
    if (order_ == LaneOrder::descending)
      std::reverse(lanes.begin(), lanes.end());
    if (order_ == LaneOrder::shuffled)
      std::shuffle(lanes.begin(), lanes.end(), random_);
    queue_ = std::move(lanes);
    next_ = 0;
  }

  // The running lane has reached a barrier or its end: the next one's turn, or the next phase.
  void hand_over() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (++next_ == queue_.size()) {
      start_phase(waiting_);
      waiting_.clear();
    }
    if (next_ < queue_.size())
      turn_[static_cast<size_t>(queue_[next_])].notify_one();
  }

  void wait_for_turn(int lane) {
    std::unique_lock<std::mutex> lock(mutex_);
    turn_[static_cast<size_t>(lane)].wait(
        lock, [&] { return next_ < queue_.size() && queue_[next_] == lane; });
  }

  int size_;
  LaneOrder order_;
  std::mt19937 random_;
  int forgotten_;
  std::mutex mutex_;
  std::vector<std::condition_variable> turn_; // of each lane
  std::vector<int> queue_, waiting_;          // lanes of this phase, lanes at its end
  size_t next_ = 0;
  std::vector<int> barriers_; // reached by each lane
};
