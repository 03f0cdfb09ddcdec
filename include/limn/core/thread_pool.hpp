#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/version.hpp>

#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#if !defined(__clang__) && __GNUC__ >= 12
// What Eigen 5 keeps apart by the cache line's size is no part of anybody's interface.
#pragma GCC diagnostic ignored "-Winterference-size"
#endif
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
inline namespace LIMN_VERSION_NAMESPACE {

/// More threads than this in one pool are taken for a mistake.
constexpr int most_threads = 1024;

#if defined(LIMN_HAS_THREADS)
namespace detail {

/// Eigen's ThreadPool waits forever when it is destroyed before all of its threads were started, which is what happens
/// where the system refuses one. So they are started before the pool is made, and wait for what it has for them to do.
class StartedThreads {
 public:
  class EnvThread {
   public:
    EnvThread() : thread_([this] { work(); }) {}
    ~EnvThread() {
      give({});
      thread_.join();
    }
    EnvThread(const EnvThread&) = delete;
    EnvThread& operator=(const EnvThread&) = delete;

    /// What there is to do; only the first call counts.
    void give(std::function<void()> task) {
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (given_) return;
        given_ = true;
        task_ = std::move(task);
      }
      changed_.notify_one();
    }

    void OnCancel() {}

   private:
    void work() {
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return given_; });
      }
      if (task_) task_();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool given_ = false;
    std::function<void()> task_;
    std::thread thread_;  // the last, since it reads the others
  };

  struct Task {
    std::function<void()> f;
  };

  /// Throws Error if the system does not start so many.
  explicit StartedThreads(int count) : threads_(std::make_shared<std::vector<std::unique_ptr<EnvThread>>>()) {
    try {
      while (static_cast<int>(threads_->size()) < count) threads_->push_back(std::make_unique<EnvThread>());
    } catch (const std::exception&) {  // system_error, or bad_alloc
      throw Error("thread pool: the system starts " + std::to_string(threads_->size()) + " of " +
                  std::to_string(count) + " threads");
    }
  }

  EnvThread* CreateThread(std::function<void()> task) {
    std::unique_ptr<EnvThread> thread = std::move(threads_->back());
    threads_->pop_back();
    thread->give(std::move(task));
    return thread.release();
  }

  Task CreateTask(std::function<void()> task) { return Task{std::move(task)}; }
  void ExecuteTask(const Task& task) { task.f(); }

 private:
  std::shared_ptr<std::vector<std::unique_ptr<EnvThread>>> threads_;  // shared, since Eigen copies environments
};

}  // namespace detail
#endif

/// Splits work over a fixed number of threads, the caller being one of them (Eigen's ThreadPool underneath).
///
/// One pool may be shared by any number of estimators and calling threads: together they then never run more than
/// `threads` - 1 threads beside the callers. A pool of one starts no thread at all.
class ThreadPool {
 public:
  /// Throws Error if `threads` is not from 1 to most_threads, or the system does not start as many.
  explicit ThreadPool(int threads) : threads_(threads) {
    if (threads < 1 || threads > most_threads) {
      throw Error("thread pool: expected 1 to " + std::to_string(most_threads) + " threads, found " +
                  std::to_string(threads));
    }
#if defined(LIMN_HAS_THREADS)
    if (threads > 1) {
      detail::only_errors("thread pool", [&] {
        require_memory(static_cast<std::size_t>(threads - 1));
        workers_ = std::make_unique<Workers>(threads - 1, detail::StartedThreads(threads - 1));
      });
    }
#else
    threads_ = 1;
#endif
  }

  /// Threads that share work, the caller's among them; 1: none was started.
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
  using Workers = Eigen::ThreadPoolTempl<detail::StartedThreads>;

  /// Eigen does not look whether it got the memory for its queues, some 40 KiB a thread: so much is asked for, and
  /// given back, before.
  static void require_memory(std::size_t workers) {
    const std::size_t of_one = sizeof(Eigen::RunQueue<detail::StartedThreads::Task, 1024>) + 512;
    ::operator delete(::operator new(workers*(of_one + workers * sizeof(unsigned))));
  }

  std::unique_ptr<Workers> workers_;
#endif
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
