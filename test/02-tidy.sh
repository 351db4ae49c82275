#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
. test/t.sh

t format make -s format
t analyser make -s analyse
t limits script/limits
t layers script/layers
t licence script/spdx
t documentation make -s doccheck
t_end
