// SPDX-License-Identifier: Apache-2.0
// Half types on the host.
#pragma once

#include "tests/model/cuda/emulate.h"
