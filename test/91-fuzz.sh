#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
. test/t.sh

t fuzz make -s fuzz S=5
t_end
