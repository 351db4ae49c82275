#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
. test/t.sh

t models_hold_and_find_their_faults make -s models
t_end
