// The library limn::compiled: what is in the folders impl/, once.
#include <limn/estimator/impl/person_detector.hpp>
#include <limn/estimator/impl/pose_estimator.hpp>
