/// @file
/// limn's version.
#pragma once

/// All of limn is in an inline namespace of this name, so that a program may contain libraries that were made with
/// different versions of limn.
#define LIMN_VERSION_NAMESPACE v0_1_0

/// The same as text.
#define LIMN_VERSION "0.1.0"

/// The same as a number that the preprocessor can compare: 10000 * major + 100 * minor + patch.
#define LIMN_VERSION_NUMBER 100
