#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# The tests again, shortened by T_SHORT, under the sanitizers.
. test/t.sh

export T_SHORT=1
t address_and_undefined make -s V=asan check-here
t thread make -s V=tsan check-here
t_end
