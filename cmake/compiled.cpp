// The library limn::compiled: what is in the folders impl/, once.
#include <limn/estimator/impl/person_detector.hpp>
#include <limn/estimator/impl/pose_estimator.hpp>
#ifdef LIMN_COMPILED_STB
#include <limn/image/impl/io.hpp>
#endif
