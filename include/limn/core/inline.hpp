// For definitions that stand apart from what they define, in a folder impl/. A program that links limn::compiled, which
// says so by LIMN_COMPILED, reads the declarations only: the definitions are in that library. Everybody else reads
// both.
#pragma once

#ifdef LIMN_COMPILED
#define LIMN_INLINE
#else
#define LIMN_INLINE inline
#endif
