// SHA-256, as `sha256sum` prints it.
#pragma once

#include <cstddef>
#include <string>

namespace limn::program {

/// The digest of these bytes in 64 hexadecimal digits. FIPS 180-4, sections 4.1.2, 4.2.2, 5 and 6.2.
std::string sha256(const unsigned char* bytes, std::size_t size);

}  // namespace limn::program
