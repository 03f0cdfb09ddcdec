#include "threads.hpp"

#include <algorithm>
#include <thread>

#include <limn/core/thread_pool.hpp>

namespace limn::program {

void add_threads(CLI::App& command, int& threads) {
  command
      .add_option("--threads", threads,
                  "Threads that share the work; default: as many as the\n"
                  "machine has processors")
      ->check(CLI::Range(1, most_threads))
      ->type_name("N");
}

int thread_count(int wish) {
  if (wish > 0) return wish;
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, static_cast<unsigned>(most_threads)));
}

}  // namespace limn::program
