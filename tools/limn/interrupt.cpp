#include "interrupt.hpp"

#include <atomic>
#include <csignal>

namespace limn::program {

namespace {

std::atomic<int> noted{0};

bool only_once(int signal) {
#if defined(SIGPIPE)
  return signal != SIGPIPE;
#else
  static_cast<void>(signal);
  return true;
#endif
}

extern "C" void note(int signal) {
  std::signal(signal, only_once(signal) ? SIG_DFL : note);
  int none = 0;
  noted.compare_exchange_strong(none, signal);
}

void defer(int signal) {
  if (std::signal(signal, note) == SIG_IGN) std::signal(signal, SIG_IGN);
}

}  // namespace

void defer_interrupts() {
  defer(SIGINT);
  defer(SIGTERM);
#if !defined(_WIN32)
  defer(SIGHUP);
  defer(SIGPIPE);
#endif
}

int interrupted() { return noted; }

}  // namespace limn::program
