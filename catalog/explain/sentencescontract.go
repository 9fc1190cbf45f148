package explain

// onlyNarrower is what to do about an approval of more than was ordered.
const onlyNarrower = "an approval may only narrow the order; the buyer has to order more"

// contractSentences are of principals, orders and contracts.
func contractSentences() map[string]sentence {
	return map[string]sentence{
		"cluster.founder_seat": {"the operator who founds the cluster operates none of its nodes", ""},
		"cluster.name":         {"the cluster's name must be a text of 1 to %d bytes", ""},
		"cluster.nodes":        {"%d nodes, 2 to %d are possible", ""},
		"cluster.not_founded":  {"the cluster is not founded yet, and %.80q does not found it", ""},
		"cluster.operator":     {"the founder is an %q, want %q", ""},
		"cluster.signature":    {"the founding is not signed by the operator it names", ""},
		"cluster.threshold":    {"threshold %d of %d nodes, 2 to %d are possible", ""},
		"contract.aggregate": {
			"contract %s does not grant the aggregate %s",
			"it grants: %[3]l; %[2]s is granted by any of %[2]G; order more: weir order create --dataset %[4]s --purpose TEXT",
		},
		"contract.ambiguous": {"%d contracts cover this query: %l", "name one with --contract"},
		"contract.budget": {
			"a query costs %s %s, contract %s has %s of %s left",
			"order a budget of at least %[1]s: weir order create --dataset %[6]s --purpose TEXT --budget AMOUNT",
		},
		"contract.budget_amount": {"%.40q is not an amount of money", "write it like 100.00, in %[2]s"},
		"contract.budget_free":   {"queries of dataset %s cost nothing", "leave the budget out"},
		"contract.budget_small":  {"%s %s pays for no query, one costs %s", ""},
		"contract.column": {
			"contract %s does not grant the column %s",
			"it grants: %[4]l; order more: weir order create --dataset %[3]s --purpose TEXT --for SQL",
		},
		"contract.dataset": {
			"contract %s is for dataset %s, not for %s",
			"name the contract for %[3]s, or order one: weir order create --dataset %[3]s --purpose TEXT",
		},
		"contract.does_not_do": {"%s does not do: %s", ""},
		"contract.epsilon":     {"%.40q is not a decimal number", "write it without an exponent, such as 2.5"},
		"contract.exhausted": {
			"all %d queries of contract %s are used",
			"queries that it has released may be repeated; for others order a new one: weir order create --dataset %[3]s --purpose TEXT",
		},
		"contract.expired": {
			"contract %s has expired, in the hour %s UTC",
			"order a new one: weir order create --dataset %[3]s --purpose TEXT",
		},
		"contract.grain": {
			"contract %s grants periods of one %s and no finer ones",
			"ask for whole periods of one %[2]s",
		},
		"contract.grantor":         {"contract %s was not granted by you", ""},
		"contract.has_ended":       {"%s has ended", ""},
		"contract.is_revoked":      {"%s was revoked", ""},
		"contract.is_suspended":    {"%s is suspended", ""},
		"contract.lacks_function":  {"%s does not grant %s", ""},
		"contract.lacks_measure":   {"%s does not grant measure %s", ""},
		"contract.lacks_portfolio": {"%s grants no exact portfolio", ""},
		"contract.measure": {
			"contract %s does not grant the measure %s",
			"it grants: %[3]l; order more: weir order create --dataset %[4]s --purpose TEXT",
		},
		"contract.needed": {
			"querying dataset %s needs a contract",
			"order one: weir order create --dataset %[1]s --purpose TEXT",
		},
		"contract.no_column": {
			"contract %s does not grant the column %s",
			"it grants no condition and no group by a column; order more: weir order create --dataset %[3]s --purpose TEXT --for SQL",
		},
		"contract.no_noise": {
			"dataset %s does not offer noised answers: its policy has no dp",
			"leave epsilon out",
		},
		"contract.none":        {"no contract of yours on dataset %s covers this query", ""},
		"contract.none_covers": {"no contract of yours on dataset %s covers this query: %s", ""},
		"contract.not_begun":   {"%s has not begun", ""},
		"contract.own":         {"contract %s is the publisher's own", ""},
		"contract.owner":       {"contract %s is not yours", ""},
		"contract.revoked": {
			"contract %s was revoked by its publisher",
			"order a new one: weir order create --dataset %[2]s --purpose TEXT",
		},
		"contract.revoked_because": {
			"contract %s was revoked by its publisher: %[3]s",
			"order a new one: weir order create --dataset %[2]s --purpose TEXT",
		},
		"contract.state":             {"contract %s is %s already", ""},
		"contract.suspended":         {"contract %s is suspended by its publisher", ""},
		"contract.suspended_because": {"contract %s is suspended by its publisher: %s", ""},
		"contract.used_up":           {"%s has used its %d queries", ""},
		"dominance.failed": {
			"%d of %d cells fail the %s %% rule",
			"merge or drop what is listed, or publish without --strict",
		},
		"order.aggregate":         {"%.80q is not an aggregate", ""},
		"order.aggregate_policy":  {"the dataset's policy does not allow %s", "it allows: %[2]l"},
		"order.measure":           {"%.80q is not a measure of the dataset: %l", ""},
		"order.min_cohort":        {"min_cohort is %d, the policy's is %d; a contract can only ask for larger groups", ""},
		"order.min_cohort_public": {"dataset %s is public: every single reading can be queried", ""},
		"order.portfolio_min_cohort": {
			"figures of a portfolio are not held to a contract's min_cohort: nobody but its owner knows how many entities it has",
			"order without --min-cohort, or without --portfolio",
		},
		"order.portfolio_places": {
			"all %d places for exact portfolios of measure %s are taken",
			"approve it without its portfolio, or without that measure; a place is free when the contract that has it ends",
		},
		"order.portfolio_public": {
			"dataset %s is public: portfolios are answered exactly without a place",
			"leave --portfolio out",
		},
		"order.portfolio_sums": {
			"an exact portfolio is asked for sums, which the order does not ask for",
			"order sum too, or leave --portfolio out",
		},
		"order.purpose":      {"the purpose must be a text of 1 to %d bytes", ""},
		"order.queries":      {"%d queries", ""},
		"order.state":        {"order %s is %s already", ""},
		"order.term":         {"the term must end within ten years from now", ""},
		"order.term_ended":   {"the term has ended", ""},
		"order.wider_budget": {"the order asks for a budget of %s, the approval grants %s", onlyNarrower},
		"order.wider_epsilon": {
			"the policy gives a contract an epsilon of %s, the approval grants %s",
			onlyNarrower,
		},
		"order.wider_grain": {"the order asks for periods of one %s, the approval grants %s", onlyNarrower},
		"order.wider_min_cohort": {
			"the order asks for groups of at least %d entities, the approval for %d",
			onlyNarrower,
		},
		"order.wider_names":     {"%.80q is not in the order, which has: %l", onlyNarrower},
		"order.wider_queries":   {"the order asks for %d queries, the approval grants %d", onlyNarrower},
		"order.wider_term":      {"the term of the order ends on %s, the approval's on %s", onlyNarrower},
		"principal.key_of_node": {"the key is that of node %s", ""},
		"principal.key_taken":   {"the key is that of principal %s, called %q", ""},
		"principal.name":        {"%.80q is not a name: 1 to %d bytes without a slash or space around", ""},
		"principal.name_taken":  {"another principal is called %q", ""},
		"principal.role":        {"unknown role %.40q", "roles are %[2]s, %[3]s and %[4]s"},
		"reason.length":         {"the reason must be a text of at most %d bytes", ""},
		"reason.missing":        {"no reason was given", ""},
		"reason.required":       {"the reason must be a text of 1 to %d bytes", ""},
		"statement.month":       {"%.40q is not a month", "write it like 2026-11"},
	}
}
