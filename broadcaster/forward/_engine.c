#include "_native.h"
