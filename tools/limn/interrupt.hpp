// Being asked to stop in the middle of long work.
#pragma once

namespace limn::program {

/// From here on, a signal that would end the program (SIGINT, SIGTERM, SIGHUP, or SIGPIPE: nobody reads its lines any
/// more) is only noted, so that the work can end in order. The second SIGINT, SIGTERM or SIGHUP ends it at once. Those
/// that were to be ignored are.
void defer_interrupts();

/// The signal that was noted, 0 for none.
int interrupted();

/// The exit status of a command that was ended by the signal, as shells have it.
constexpr int interrupt_status(int signal) { return 128 + signal; }

}  // namespace limn::program
