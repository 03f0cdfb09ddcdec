#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>

#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#endif

#if !defined(__EMSCRIPTEN__) || defined(__EMSCRIPTEN_PTHREADS__)
#define LIMN_HAS_THREADS 1
#include <unsupported/Eigen/CXX11/ThreadPool>
#endif

#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic pop
#endif

namespace limn {

/// Splits work over a fixed number of threads, the caller being one of them (Eigen's ThreadPool underneath).
///
/// One pool may be shared by any number of estimators and calling threads: together they then never run more than
/// `threads` - 1 threads beside the callers. A pool of one starts no thread at all.
class ThreadPool {
 public:
  /// Throws Error if `threads` is not positive.
  explicit ThreadPool(int threads) : threads_(threads) {
    if (threads <= 0) throw Error("thread pool: expected at least 1 thread, found " + std::to_string(threads));
#if defined(LIMN_HAS_THREADS)
    if (threads > 1) workers_ = std::make_unique<Eigen::ThreadPool>(threads - 1);
#else
    threads_ = 1;
#endif
  }

  int threads() const { return threads_; }

  /// Calls `task(i)` once for every i in [0, count), in any order and from several threads, and returns when all are
  /// done. Allocates nothing. Tasks must not throw and must not call parallel_for of the same pool.
  template <class Task>
  void parallel_for(Index count, Task&& task) const {
#if defined(LIMN_HAS_THREADS)
    const auto helpers = static_cast<int>((std::min)(count, static_cast<Index>(threads_))) - 1;
    if (workers_ && helpers > 0) {
      // Tasks are handed out one by one: a thread that wakes late, or shares its core, takes fewer of them.
      struct Job {
        std::atomic<Index> next{0};
        std::atomic<int> working;
        Index count;
        std::remove_reference_t<Task>* task;
        Eigen::Barrier finished;
        Job(Index n, std::remove_reference_t<Task>* t, int threads)
            : working(threads), count(n), task(t), finished(static_cast<unsigned>(threads)) {}
        void work() {
          for (Index i = next.fetch_add(1); i < count; i = next.fetch_add(1)) (*task)(i);
        }
      } job(count, &task, helpers);
      for (int i = 0; i < helpers; ++i) {
        workers_->Schedule([&job] {
          job.work();
          job.working.fetch_sub(1);
          job.finished.Notify();
        });
      }
      job.work();
      // The others are about to finish: asking again for some microseconds costs less than sleeping and being woken.
      for (int i = 0; i < 200 && job.working.load() > 0; ++i) std::this_thread::yield();
      job.finished.Wait();
      return;
    }
#endif
    for (Index i = 0; i < count; ++i) task(i);
  }

 private:
  int threads_;
#if defined(LIMN_HAS_THREADS)
  std::unique_ptr<Eigen::ThreadPool> workers_;
#endif
};

}  // namespace limn
