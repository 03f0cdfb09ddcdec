#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include <limn/core/thread_pool.hpp>

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

TEST_CASE("a pool of no threads is refused") {
  CHECK_THROWS_WITH_AS(limn::ThreadPool(0), "thread pool: expected at least 1 thread, found 0", limn::Error);
}
