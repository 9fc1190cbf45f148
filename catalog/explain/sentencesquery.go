package explain

// querySentences are of queries and of what they ask.
func querySentences() map[string]sentence {
	return map[string]sentence{
		"cohort.class":          {"nothing can be released: %d entities count in the group (%g), but no class of entities lies in it whole and has enough that is new", ""},
		"cohort.contract_least": {"nothing can be released: the contract asks for figures of at least %d entities, the largest (%g) covers %d", ""},
		"cohort.coverage":       {"nothing can be released: the fullest group (%g) covers %d of %d entities, less than the least coverage of dataset %s, %s", ""},
		"cohort.few":            {"nothing can be released: fewer than %d entities count in every group, the largest (%g) has %d", ""},
		"cohort.incomplete": {
			"the answer would be incomplete: %d of %E of (%g) are in it, and corrections of %d are held back; %d groups are withheld",
			"ask without --complete, or for larger groups",
		},
		"cohort.small":         {"nothing can be released: dataset %s releases groups of at least %d, the largest (%g) has %K", ""},
		"cohort.trial":         {"nothing can be released", ""},
		"condition.arguments":  {"%s of %d conditions", ""},
		"condition.nested":     {"%s has conditions as arguments", ""},
		"condition.operator":   {"unknown operator %.20q", ""},
		"condition.order":      {"the values are not sorted and distinct: %.80q after %.80q", ""},
		"condition.own_column": {"%s has a column or values of its own", ""},
		"condition.size":       {"the condition is too large: at most %d parts, nested at most %d deep", ""},
		"condition.values":     {"%s with %d values", ""},
		"figure.between":       {"%s in %s to %s", ""},
		"figure.in":            {"%s in %s", ""},
		"figure.of":            {"%[2]s of %[1]l", ""},
		"figure.piece":         {"%[2]s, piece %[1]s", ""},
		"join.coarse": {
			"datasets %s and %s have one cell a %s and release whole periods of one %s: in which cells both have a reading is not in the ledger",
			"joins take datasets whose policy's grain is their own",
		},
		"join.function": {
			"of two joined datasets %.40q is not answered",
			"ask for SUM(x.measure * y.measure) and COUNT(*)",
		},
		"join.itself": {"dataset %s is joined to itself", ""},
		"join.noise":  {"noise is not answered on joined datasets by this version", "ask without --epsilon"},
		"join.not_listed": {
			"dataset %s does not name %s in its policy's joins",
			"its publisher would have to list it: a joined publisher is trusted with the readings",
		},
		"join.one_publisher": {
			"datasets %s and %s are of one publisher: products of its own measures are moments of one dataset",
			"ask its publisher to publish both measures in one dataset, with moments",
		},
		"join.private": {
			"private vectors are not answered on joined datasets by this version",
			"ask without PRIVATE",
		},
		"join.product_alone":    {"a product takes a measure of a second dataset, and none is joined", ""},
		"join.product_measures": {"a product is of a measure of %.80q and one of %.80q", ""},
		"join.public": {
			"dataset %s is public and %s is not: sums weighted by numbers that everybody knows are not released exactly",
			"join protected datasets with each other, or public ones",
		},
		"join.shape": {
			"datasets %s and %s cannot be joined: the %s of one is %s, of the other %s",
			"join datasets that share it; weir dataset list shows them",
		},
		"joint.nothing": {
			"nothing can be released: what datasets %s and %s have in common is released of sets of entities that are classes of both, of which both have readings of the same entities, and enough that is new: several times %d",
			"ask for larger groups or other periods, or with --partial; COUNT(*) is always answered",
		},
		"joint.pair": {
			"version %d of %s and version %d of %s were never the newest at the same time, and no product is released as of them",
			"",
		},
		"noise.contract_short": {"the query costs epsilon %[1]s, and contract %[4]s has %[2]s left of %[3]s", ""},
		"noise.delta": {
			"delta %.40q is not a number above 0 and below 1",
			"write it such as 1e-9, or leave it out for Laplace noise",
		},
		"noise.delta_query": {
			"the query asks for delta %s; dataset %s gives at most %s a query",
			"ask with --delta %[3]s or less, or without for Laplace noise",
		},
		"noise.epsilon": {
			"epsilon %.40q is not a decimal number above 0 and at most 1",
			"write it without an exponent, such as 0.5",
		},
		"noise.epsilon_query": {
			"the query asks for epsilon %s; dataset %s gives at most %s a query",
			"ask with --epsilon %[3]s or less",
		},
		"noise.family_limit": {
			"policy.dp.epsilon_family is %s, but %s in dataset %s on the same registry; there is one budget for all datasets of a publisher on one registry",
			"set it to %[2]s",
		},
		"noise.family_number": {"%.40q is not a decimal number", ""},
		"noise.family_short":  {"the query costs epsilon %[1]s, and the family of dataset %[4]s (all buyers together) has %[2]s left of %[3]s", ""},
		"noise.incomplete":    {"the answer would be incomplete: fewer than %d entities count in some group, (%g) the first has %d", ""},
		"noise.not_offered": {
			"dataset %s does not offer noised answers: its policy has no dp",
			"ask without --epsilon",
		},
		"noise.of_counts": {
			"the query asks for counts alone, which are public and carry no noise",
			"ask without --epsilon",
		},
		"plan.noise": {
			"%d tiles need %s bits of noise, and %s are there",
			"ask for at most %[4]d tiles of a measure at a time: fewer periods or entities",
		},
		"plan.overflow":       {"worst-case sum %s exceeds %s, the largest exact one", ""},
		"plan.overflow_noise": {"worst-case sum %s exceeds %s, the largest exact one; %s of it is room for the noise of all nodes", ""},
		"plan.too_large": {
			"the plan is too large: more than %d slot maps, %d groups, or %d sums of private or joined figures",
			"group by a coarser period, or select fewer groups or periods",
		},
		"portfolio.bound": {
			"dataset %s binds an owner to its first list (portfolio_change never), and you asked for another before",
			"ask for the list that you asked for first",
		},
		"portfolio.class": {
			"nothing can be released: no class of entities lies whole in a group that portfolio %s is asked by",
			"ask for the total, or register it by fewer attributes",
		},
		"portfolio.contract": {"contract %s grants no exact portfolio; one that does is ordered with --portfolio", ""},
		"portfolio.elsewhere": {
			"portfolio %[1]s version %[2]d was registered from a file that this machine does not remember",
			"ask without --private to use it, or make the file its next version with `weir portfolio register %[1]s %[3]s --registry %[4]s`",
		},
		"portfolio.fails":      {"portfolio %s fails the test as of version %d of dataset %s, and nothing was asked: %s", ""},
		"portfolio.few_change": {"too little changes there for those on the list together with those who are not: %s", ""},
		"portfolio.groups": {
			"portfolio %s is not asked by %s: it was registered by: %l, and that stays for good",
			"ask without it, or with --epsilon where the policy has dp",
		},
		"portfolio.incomplete": {
			"the answer would be incomplete: %d groups are withheld, since no class of entities lies in them whole",
			"ask without --complete, or for larger groups",
		},
		"portfolio.list": {
			"the list of portfolio %s is not on this machine, and exact figures of it need witnesses that are made of it",
			"ask with --private %[1]s=FILE.csv on the machine that registered it",
		},
		"portfolio.minimum": {
			"figures tell of at least %d entities here; portfolios can be tested for at most %d",
			"ask with --epsilon where the policy has dp, or without the portfolio",
		},
		"portfolio.no_sources": {
			"the request names sources, which exact queries with a private portfolio on protected data do",
			"leave them out",
		},
		"portfolio.none": {
			"you have no portfolio %.80q",
			"see `weir portfolio list`, or register it: weir portfolio register %[1]s FILE.csv --registry ID",
		},
		"portfolio.one_group": {
			"portfolio %s is not asked by %s: it was registered as one group, and that stays for good",
			"ask without it, or with --epsilon where the policy has dp",
		},
		"portfolio.other": {
			"%s of %s was asked for another list of yours: a period has one, over all versions",
			"ask for that list, or for other periods",
		},
		"portfolio.products": {
			"testing the portfolio takes %d products of shares, at most %d are possible",
			"ask for fewer measures or periods at a time, in at least %[3]d parts, or register fewer pieces or coarser groups",
		},
		"portfolio.sources": {
			"the query was made for other versions than those as of %d of dataset %s: it names the sources %s, here they are %s",
			"ask again: the client tests the portfolio anew",
		},
		"portfolio.lost": {
			"%s of %s may have been asked for another list: the cluster was restored, and what was answered since the backup is lost",
			"ask for periods that begin later, or for noised figures; its publisher may know that none was asked for: weir dataset reopen --no-lists-lost",
		},
		"portfolio.lost_list": {
			"the first list that dataset %s was asked for may have been another one: the cluster was restored, and what was answered since the backup is lost",
			"ask for noised figures; its publisher may know that none was asked for: weir dataset reopen --no-lists-lost",
		},
		"portfolio.taken": {
			"%s of %s was asked for the portfolios of %d other owners, and no more are possible",
			"ask for other periods: weir order show tells which are left",
		},
		"portfolio.unanswered": {
			"query %s is not answered: %s; the nodes know no more than that",
			"ask with the client of this version, which tests the portfolio before it asks; or with --epsilon where the policy has dp",
		},
		"portfolio.withdrawn": {
			"figures of a portfolio as of version %d of dataset %s need version %d, which was withdrawn",
			"ask as of another version: --as-of auto",
		},
		"portfolio.witnesses": {
			"%d sealed witnesses, the query needs %d",
			"seal the witnesses of the test to each node of the roster, and none for a query without a test",
		},
		"private.both": {
			"a query has a private selector or private weights, not both",
			"register weights that are 0 for whoever is not selected",
		},
		"private.one_measure": {"%s of a private vector takes one measure", "name one measure of the dataset"},
		"private.piece_noise": {
			"the figures of pieces are exact, and noise was asked for",
			"ask without --epsilon, or without PIECE(name)",
		},
		"private.piece_without": {
			"the request groups by pieces, and is within no private partition",
			"name it: WHERE entity IN PRIVATE(name)",
		},
		"private.selector_function": {
			"private selectors are for count, sum and avg, not for %.40q",
			"ask for those, or without the portfolio",
		},
		"private.wavg": {
			"wavg takes a private vector of weights",
			"ask for avg, or register weights: weir portfolio register",
		},
		"private.weights_exact": {"sums with private weights are released with noise only", ""},
		"private.weights_function": {
			"private weights are for sum and wavg, not for %.40q",
			"ask for the sum or the weighted mean",
		},
		"query.attempts": {"none of %d attempts completed; the last: %s", ""},
		"query.grain": {
			"the query groups by %s; the finest period of a group of dataset %s is a %s",
			"group by date_trunc('%[3]s', period)",
		},
		"query.magnitude": {"the sum of %[1]C over %[2]d cells could reach %[2]d × %[3]d, more than %[4]d", ""},
		"query.max_groups": {
			"the query forms %d groups or more, at most %d are released at a time",
			"group by fewer dimensions or coarser periods, or ask in parts",
		},
		"query.max_share": {
			"%d groups of %d columns make shares of %d bytes, more than fit into an envelope",
			"ask for at most %[4]d groups of so many columns at a time",
		},
		"query.max_values": {
			"the values of the groups make %d bytes, at most %d are possible",
			"group by fewer dimensions, or ask in at least %[3]d parts",
		},
		"query.max_verdict": {
			"the verdict has %d bytes, at most %d are possible",
			"ask for fewer groups or periods, in at least %[3]d parts",
		},
		"query.max_work": {
			"judging the query takes %d steps, at most %d are possible",
			"ask for fewer measures or periods at a time, in at least %[3]d parts",
		},
		"query.no_common_period": {
			"version %d of dataset %s and version %d of dataset %s have no period in common",
			"ask each of them alone, or wait for a version that reaches the other's periods",
		},
		"query.no_complete_period": {
			"no period of dataset %s is complete as of version %d: its publisher closes a %s when it has all of it",
			"wait for the next version; COUNT is answered",
		},
		"query.no_entity": {
			"no entity of version %d of dataset %s meets the condition",
			"ask for a wider condition, or without one",
		},
		"query.no_joint_period": {
			"no period of the query lies in the versions of datasets %s and %s, which have %s to %s in common",
			"ask for periods between '%[3]s' and '%[4]s'",
		},
		"query.no_period": {
			"no period of the query lies in version %d of dataset %s, which has %s to %s",
			"ask for periods between '%[3]s' and '%[4]s'",
		},
		"query.part_period": {
			"the query takes only a part of %s; dataset %s releases whole periods of its policy's grain, %s",
			"take %[1]s as a whole or leave it out",
		},
		"query.forget_early":      {"that is %d ms ahead of the ledger's time", ""},
		"query.forget_none":       {"the retention of no query is over that is still kept", ""},
		"query.state":             {"query %s is %s", ""},
		"query.too_few":           {"for %s too few of the nodes that hold the data could open it, %d are needed", ""},
		"query.too_few_without":   {"for %s too few of the nodes that hold the data could open it, %d are needed; without: %l", ""},
		"query.unnamed":           {"attempt %d was not named: %s", ""},
		"query.unnamed_worn":      {"attempt %d was not named: %s; the publisher needs a new key and must encrypt anew", ""},
		"repeat.active":           {"query %s was answered by %l, the attempt names %l", ""},
		"repeat.context":          {"the share is of the opening %s by plan %s, query %s was answered by %s and %s", ""},
		"repeat.none":             {"query %s repeats none", ""},
		"repeat.reseals":          {"the shares of query %s cannot be sealed again", ""},
		"request.aggregate_twice": {"the aggregate occurs twice", ""},
		"request.aggregate_unknown": {
			"unknown aggregate %.40q",
			"a request may ask for count, sum, avg, var, covar, regr, histogram and product",
		},
		"request.aggregates":        {"%d aggregates, 1 to %d are possible", ""},
		"request.dataset":           {"the request is for dataset %.80q, not for %q", ""},
		"request.dimension_twice":   {"the dimension occurs twice", ""},
		"request.dimension_unknown": {"unknown dimension %.40q", ""},
		"request.entity_dimension":  {"the entity has neither column nor grain", ""},
		"request.grain_finer":       {"groups by %s, and the periods of the dataset, by the %s, do not lie in these", ""},
		"request.grain_unknown":     {"unknown grain %.40q", ""},
		"request.interval_order":    {"the intervals are not ascending, disjoint and apart at [%d, %d)", ""},
		"request.intervals":         {"%d intervals, at most %d are accepted", ""},
		"request.piece_dimension":   {"pieces have neither column nor grain", ""},
		"request.release":           {"version %d", ""},
		"request.sql":               {"the SQL has %d bytes, at most %d are accepted", ""},
		"request.two_grains":        {"groups are formed by two grains of periods", ""},
		"request.version":           {"request version %d, want %d", ""},
		"test.disagree":             {"the members of the attempt do not agree on why the test of query %s failed", ""},
		"test.failed":               {"the test failed", ""},
		"test.failed_query":         {"portfolio: some figure would tell of fewer entities than the policy's min_cohort", ""},
		"test.none":                 {"query %s has no test", ""},
		"test.passed":               {"node %s has sent its share, so the test passed", ""},
		"test.said":                 {"node %s has said so", ""},
		"test.said_failed":          {"node %s has said that the test failed", ""},
		"test.witnesses":            {"the witnesses are wrong", ""},
		"test.witnesses_query":      {"portfolio: the witnesses do not fit the list", ""},
		"verify.level": {
			"checked answers came with feature level %d, and the cluster has %d",
			"ask without --verify, or have an operator raise it: weir operator upgrade raise",
		},
		"verify.nodes": {
			"a checked answer takes one node more than the %d that open together: the data are shared among %d nodes, %d are needed",
			"ask without --verify",
		},
		"verify.noise": {
			"noised answers are not checked: the sums of several sets of nodes would differ by single nodes' draws, and give them away",
			"ask without --verify",
		},
		"verify.private": {
			"queries with private portfolios or weights are not checked: their tests are made for one set of nodes an attempt",
			"ask without --verify",
		},
		"verify.product": {
			"products of two datasets are not checked: they are computed on the shares of one set of nodes",
			"ask without --verify",
		},
		"verify.share": {
			"checked, %d groups of %d columns make sealed shares of %d bytes, which do not fit the envelope of one entry",
			"ask for fewer groups at a time, or without --verify",
		},
	}
}
