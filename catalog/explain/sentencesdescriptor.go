package explain

// descriptorSentences are of descriptors, policies and names.
var descriptorSentences = map[string]sentence{
	"descriptor.dataset_name":      {"%.80q is not a dataset's name: [a-z][a-z0-9_]*", ""},
	"descriptor.entity_name":       {"%.80q cannot name the entity: [a-z][a-z0-9_]*, and not period", ""},
	"descriptor.measures":          {"%d measures, 1 to %d are possible", ""},
	"descriptor.name_is_attribute": {"%s is an attribute of the registry", ""},
	"descriptor.price": {
		"%.40q %.10q is not an amount of money",
		`write {per_query: "10.00", currency: CNY}`,
	},
	"descriptor.registry_name": {"%.80q is not a registry's name: [a-z][a-z0-9_]*", ""},
	"descriptor.utc_offset": {
		"%.40q is not an offset from UTC",
		"write it like +08:00",
	},
	"grain.unknown": {
		"unknown grain %.40q",
		"grains are hour, day, month, quarter and year",
	},
	"measure.bucket_number": {"%.40q is not a number of at most %d decimals", ""},
	"measure.bucket_order":  {"the buckets do not ascend at %.40q", ""},
	"measure.buckets":       {"%d buckets, at most %d are possible", ""},
	"measure.decimals":      {"%d decimals, 0 to %d are possible", ""},
	"measure.name":          {"%.80q is not a free measure name: [a-z][a-z0-9_]*, and neither the entity's nor entity or period", ""},
	"measure.range_missing": {
		"the range of %s is missing or has no width",
		"declare the smallest and the largest value that can occur",
	},
	"measure.range_reversed": {"the range of %s ends before it begins", ""},
	"measure.range_wide":     {"the range of %s is too wide: with its decimals, bounds must stay within ±2^55", ""},
	"measure.squares_wide": {
		"the range of %s is too wide for squares: a reading may lie %d units of its last decimal from the middle, squared more than %d",
		"declare a narrower range, a larger unit or fewer decimals, or leave squares out",
	},
	"names.twice": {"%.80q occurs twice", ""},
	"policy.aggregate": {
		"the policy of dataset %s does not release %s to anybody",
		"it releases: %[3]l",
	},
	"policy.aggregate_name": {"%.80q is not a known aggregate: %[1]A", ""},
	"policy.aggregate_overflow": {
		"%[5]s can never be answered: in the declared range a sum of %[1]C over %[2]R may leave ±%[3]d",
		"declare a narrower range, a larger unit or fewer decimals of %[4]s, or leave %[5]s out of aggregates",
	},
	"policy.cube_empty":       {"the cube has no attribute", ""},
	"policy.cube_name":        {"%.80q is not an attribute's name", ""},
	"policy.cubes":            {"%d cubes, at most %d are possible", ""},
	"policy.cubes_attributes": {"cubes name attributes that the registry does not have; it has: %l", ""},
	"policy.delta":            {"delta is %s, at most 1e-5 is possible", ""},
	"policy.dp_number":        {"%.40q is not a number above 0", ""},
	"policy.epsilon_contract": {"the budget of a contract, %s, is less than a query's, %s", ""},
	"policy.epsilon_family":   {"the budget of the family, %s, is less than a contract's, %s", ""},
	"policy.epsilon_query":    {"epsilon is %s a query, at most 1 is possible", ""},
	"policy.grain_finer":      {"the grain %s of the policy is finer than the dataset's, %s", ""},
	"policy.grain_unknown": {
		"unknown grain %.40q",
		"the dataset's own is %[2]s",
	},
	"policy.join_grain": {
		"joined figures are released only where policy.grain is the dataset's own: it is %s, the dataset's %s",
		"set policy.grain to %[2]s, or leave joins out",
	},
	"policy.join_name":        {"%.80q is not another dataset's name", ""},
	"policy.joins":            {"%d joins, at most %d are possible", ""},
	"policy.min_cohort_large": {"min_cohort is %d, at most %d is possible", ""},
	"policy.min_cohort_small": {
		"min_cohort is %d; values are protected only by groups of at least 2 entities",
		"set min_cohort, or public: true if every single reading may be published",
	},
	"policy.min_coverage": {
		"min_coverage is %.40q, not a decimal number above 0 and at most 1",
		"write it with at most 6 digits after the point and no zero at the end, such as %[2]s, or leave it out for that",
	},
	"policy.moment_overflow": {
		"the moment can never be answered: in the declared range a sum of %C over %R may leave ±%d",
		"declare a narrower range, a larger unit or fewer decimals of %[4]s, or leave it out",
	},
	"policy.moment_pair": {"moments lists pairs of measures, not %d: %l", ""},
	"policy.no_aggregate": {
		"no aggregate is allowed",
		"list some: aggregates: [count, sum, avg]",
	},
	"policy.portfolio_change": {
		"portfolio_change is %.40q",
		"write %[2]s, which is the default, or %[3]s",
	},
	"policy.portfolios": {"%d portfolios, 0 to %d are possible", ""},
	"policy.public": {
		"public: true switches %s off: every single reading can be queried",
		"remove public or %[1]s",
	},
	"policy.public_grain": {
		"public: true switches grain off: every single reading can be queried",
		"remove public or grain",
	},
	"policy.related": {"%d groups, at most %d are possible", ""},
	"policy.related_form": {
		"%.130q is not a measure of another dataset",
		"write it dataset.measure, such as other_dataset.nox_t",
	},
	"policy.related_here": {
		"%.130q is a measure of this dataset",
		"write %.80[2]s",
	},
	"policy.related_measure": {
		"dataset %s has no measure %.80q",
		"its measures are: %[3]l",
	},
	"policy.related_no_dataset": {
		"the publisher has no protected dataset %.80q on registry %s",
		"of two datasets the one that is published later declares it",
	},
	"policy.related_no_measure": {
		"the dataset has no measure %.80q",
		"its measures are: %[2]l; one of another dataset is written dataset.measure",
	},
	"policy.related_own": {
		"the group has no measure of this dataset",
		"declare it in one of the datasets whose measures they are",
	},
	"policy.related_size": {
		"the group has %d measures, 2 to %d are possible",
		"list the measures that tell of the same readings: [nox_kg, other_dataset.nox_t]",
	},
	"policy.related_twice":      {"%.130q occurs twice", ""},
	"policy.unreadable":         {"the policy cannot be read", ""},
	"policy.unrelated":          {"%d registries and datasets, at most %d are possible", ""},
	"policy.unrelated_name":     {"%.80q is not the name of another registry or dataset", ""},
	"scope.column":              {"%.80q is not an attribute of the registry: %l", ""},
	"statistic.histogram_exact": {"how many readings of %s lie in a bucket is released with noise only: a bucket with one reading is that reading", ""},
	"statistic.moment_exact":    {"%s needs the exact sum of %s × %s, which the policy of dataset %s does not list in moments", ""},
	"statistic.no_buckets": {
		"measure %s has no buckets",
		"histograms and quantiles are of measures that declare buckets: %[2]l",
	},
	"statistic.no_buckets_at_all": {
		"measure %s has no buckets",
		"histograms and quantiles are of measures that declare buckets: this dataset has none",
	},
	"statistic.one_measure":  {"%s takes one measure", ""},
	"statistic.two_measures": {"%s takes two different measures, in the order of their names; not %.80q and %.80q", ""},
	"text.too_long":          {"it must be a text of at most %d bytes", ""},
}
