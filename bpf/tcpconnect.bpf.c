// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* What kernels load where no task loses its CPU inside of a program. */
#include "attempts.h"

static __always_inline void changes(struct transition t, bool deep)
{
	if (begins(t))
		enters_syn_sent(t, deep, 0);
	else if (config.track)
		leaves_syn_sent(t);
	mptcp_closes(t);
}

#include "programs.h"
