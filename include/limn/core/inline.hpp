// For definitions that stand apart from what they define, in folders impl/. A program that links limn::compiled, which
// says so by LIMN_COMPILED, reads the declarations only: the definitions are in that library. Everybody else reads
// both.
#pragma once

#ifdef LIMN_COMPILED
#define LIMN_INLINE
#define LIMN_LOCAL
#else
#define LIMN_INLINE inline
/// Of internal linkage, a copy in each source file: for what calls functions that are so themselves.
#define LIMN_LOCAL static inline
#endif
