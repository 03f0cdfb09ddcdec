#include <limn/core/thread_pool.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <fstream>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/resource.h>
#include <unistd.h>
#endif

TEST_CASE("parallel_for runs every task exactly once, with any number of threads") {
  for (const int threads : {1, 2, 5}) {
    const limn::ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    for (const limn::Index count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
      pool.parallel_for(count, [&](limn::Index i) { ++calls[static_cast<std::size_t>(i)]; });
      for (const auto& number : calls) CHECK(number == 1);
    }
  }
}

TEST_CASE("several threads may share one pool at once") {
  const limn::ThreadPool pool(3);
  std::atomic<limn::Index> sum{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) pool.parallel_for(20, [&](limn::Index i) { sum += i; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(sum == 4 * 50 * 190);
}

TEST_CASE("a pool of no threads, or of more than can be meant, is refused") {
  CHECK_THROWS_WITH_AS(limn::ThreadPool(0), "thread pool: expected 1 to 1024 threads, found 0", limn::Error);
  CHECK_THROWS_WITH_AS(limn::ThreadPool(60000), "thread pool: expected 1 to 1024 threads, found 60000", limn::Error);
}

TEST_CASE("where the system starts fewer threads than asked for, it is an error and not the end") {
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // Each thread reserves some MiB for its stack: the address space is bounded so that a few have room.
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit before = {};
  REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
  rlimit bounded = before;
  bounded.rlim_cur = pages * static_cast<std::size_t>(getpagesize()) + (std::size_t{256} << 20);
  REQUIRE(setrlimit(RLIMIT_AS, &bounded) == 0);
  CHECK_THROWS_AS(limn::ThreadPool(1000), limn::Error);
  CHECK(setrlimit(RLIMIT_AS, &before) == 0);
  const limn::ThreadPool pool(3);
  std::atomic<limn::Index> sum{0};
  pool.parallel_for(20, [&](limn::Index i) { sum += i; });
  CHECK(sum == 190);
#else
  MESSAGE("skipped: needs Linux, and no sanitizer, which reserves an address space of its own");
#endif
}
