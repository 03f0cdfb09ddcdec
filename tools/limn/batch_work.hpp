// The threads of `limn batch`: photos are decoded while people are looked for in others, people of several photos share
// the runs of the network, and the answers come in the order of the questions.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <limn/estimator/person_detector.hpp>
#include <limn/estimator/pose_estimator.hpp>
#include <limn/image/image.hpp>

#include "batch_input.hpp"
#include "batch_output.hpp"

namespace limn::program {

/// What the photos are looked at with.
struct BatchNetworks {
  const PoseEstimator& estimator;
  const PersonDetector* detector;  ///< null if there is none
  BatchIdentity identity;          ///< of both
};

/// Something to be done in its turn.
struct BatchTask {
  std::shared_ptr<BatchUnit> unit;
  BatchItem item;
  std::string line = {};   ///< the answer, if there is one already
  bool old = false;        ///< whether that is one of an earlier run
  bool last = false;       ///< no photo, but the end of the unit
  Image photo = {};        ///< once it is decoded
  std::size_t people = 0;  ///< found in it
  bool done = false;
};

/// Where the threads' time went, in seconds.
struct BatchTimes {
  double decode = 0;
  double detect = 0;
  double pose = 0;
  double json = 0;
  double write = 0;
  double wait = 0;
};

struct BatchCounts {
  std::int64_t photos = 0;
  std::int64_t failed = 0;
  std::int64_t old = 0;  ///< of the photos, those that an earlier run had done
  std::int64_t people = 0;
};

class BatchWork {
 public:
  /// Starts the threads. Throws Error if the system starts none.
  BatchWork(const BatchNetworks& networks, int threads);

  /// Ends the threads, after the photos begun.
  ~BatchWork();
  BatchWork(const BatchWork&) = delete;
  BatchWork& operator=(const BatchWork&) = delete;

  /// Takes a task, when there is room. Does nothing after a failure. What the answers are written to must not fail;
  /// finish() says if it did.
  void add(BatchTask task);

  /// Whether there is no use in adding more.
  bool failed();

  /// Waits until all is done or, after an interrupt, what was begun. Throws what writing the answers did.
  void finish();

  /// After finish().
  BatchTimes times() const;
  const BatchCounts& counts() const { return counts_; }

 private:
  struct Worker;
  using Group = std::vector<BatchTask*>;
  using Lock = std::unique_lock<std::mutex>;

  void work(Worker& worker);
  void decode(BatchTask& task, Worker& worker) const;
  void estimate(const Group& group, Worker& worker) const;
  void estimate_several(BatchTask& task, Worker& worker) const;
  void estimate_together(const Group& group, Worker& worker) const;
  void answer(BatchTask& task, const Pose* poses, std::size_t count, const std::vector<Detection>& found,
              Worker& worker) const;
  void refuse(BatchTask& task, const std::string& reason) const;
  bool has_group() const;
  Group take_group();
  void write_done(Lock& lock, Worker& worker);
  void write(const BatchTask& task);
  void show_progress();

  BatchNetworks networks_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<BatchTask>> order_;  // all that are not written yet
  std::deque<BatchTask*> read_;                   // to be decoded
  std::deque<BatchTask*> decoded_;                // to be looked at
  std::size_t bytes_read_ = 0;                    // of those
  std::size_t bytes_decoded_ = 0;
  bool closed_ = false;
  bool writing_ = false;
  std::exception_ptr failure_;
  BatchCounts counts_;
  bool progress_;
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace limn::program
