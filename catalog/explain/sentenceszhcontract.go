package explain

// zhOnlyNarrower is what to do about an approval of more than was ordered.
const zhOnlyNarrower = "批准只能收窄订单的范围；需要更多时，由买方重新订购"

// zhContractSentences are contractSentences in Chinese.
func zhContractSentences() map[string]sentence {
	return map[string]sentence{
		"cluster.founder_seat": {"创建集群的运营方不运营其中任何节点", ""},
		"cluster.name":         {"集群名称须为 1 至 %d 字节的文本", ""},
		"cluster.nodes":        {"节点数为 %d，允许 2 至 %d 个", ""},
		"cluster.not_founded":  {"集群尚未创建，而 %.80q 并不创建集群", ""},
		"cluster.operator":     {"创建者的角色是 %q，应为 %q", ""},
		"cluster.signature":    {"创建文件没有其中所列运营方的签名", ""},
		"cluster.threshold":    {"门限为 %d（共 %d 个节点），允许 2 至 %d", ""},
		"contract.aggregate": {
			"合同 %s 未授予聚合函数 %s",
			"已授予：%[3]l；以下任一授权均包含 %[2]s：%[2]G；如需更多请订购：weir order create --dataset %[4]s --purpose TEXT",
		},
		"contract.ambiguous": {"有 %d 份合同适用于此查询：%l", "请用 --contract 指定其中一份"},
		"contract.budget": {
			"一次查询收费 %s %s，合同 %s 的余额为 %s（共 %s）",
			"请订购不少于 %[1]s 的预算：weir order create --dataset %[6]s --purpose TEXT --budget AMOUNT",
		},
		"contract.budget_amount": {"%.40q 不是金额", "写法如 100.00，单位为 %[2]s"},
		"contract.budget_free":   {"数据集 %s 的查询免费", "请去掉预算"},
		"contract.budget_small":  {"%s %s 不够一次查询，每次查询收费 %s", ""},
		"contract.column": {
			"合同 %s 未授予列 %s",
			"已授予：%[4]l；如需更多请订购：weir order create --dataset %[3]s --purpose TEXT --for SQL",
		},
		"contract.dataset": {
			"合同 %s 针对数据集 %s，而不是 %s",
			"请指定针对 %[3]s 的合同，或订购一份：weir order create --dataset %[3]s --purpose TEXT",
		},
		"contract.does_not_do": {"%s 不适用：%s", ""},
		"contract.epsilon":     {"%.40q 不是十进制数", "请不用指数形式书写，例如 2.5"},
		"contract.exhausted": {
			"合同 %[2]s 的 %[1]d 次查询已全部用完",
			"已发布过的查询可以重复；其他查询需重新订购：weir order create --dataset %[3]s --purpose TEXT",
		},
		"contract.expired": {
			"合同 %s 已到期，到期时间为 %s（UTC，精确到小时）",
			"请重新订购：weir order create --dataset %[3]s --purpose TEXT",
		},
		"contract.grain": {
			"合同 %s 授予的最细周期为一个%o，不能更细",
			"请按完整的%[2]o查询",
		},
		"contract.grantor":         {"合同 %s 不是由您授予的", ""},
		"contract.has_ended":       {"%s 已终止", ""},
		"contract.is_revoked":      {"%s 已被撤销", ""},
		"contract.is_suspended":    {"%s 已暂停", ""},
		"contract.lacks_function":  {"%s 未授予 %s", ""},
		"contract.lacks_measure":   {"%s 未授予指标 %s", ""},
		"contract.lacks_portfolio": {"%s 未授予私有名单的精确结果", ""},
		"contract.measure": {
			"合同 %s 未授予指标 %s",
			"已授予：%[3]l；如需更多请订购：weir order create --dataset %[4]s --purpose TEXT",
		},
		"contract.needed": {
			"查询数据集 %s 需要合同",
			"请订购：weir order create --dataset %[1]s --purpose TEXT",
		},
		"contract.no_column": {
			"合同 %s 未授予列 %s",
			"合同不允许按任何列设条件或分组；如需更多请订购：weir order create --dataset %[3]s --purpose TEXT --for SQL",
		},
		"contract.no_noise": {
			"数据集 %s 不提供加噪结果：其政策没有 dp",
			"请去掉 epsilon",
		},
		"contract.none":        {"您在数据集 %s 上没有适用于此查询的合同", ""},
		"contract.none_covers": {"您在数据集 %s 上没有适用于此查询的合同：%s", ""},
		"contract.not_begun":   {"%s 尚未生效", ""},
		"contract.own":         {"合同 %s 是发布方自己的", ""},
		"contract.owner":       {"合同 %s 不属于您", ""},
		"contract.revoked": {
			"合同 %s 已被发布方撤销",
			"请重新订购：weir order create --dataset %[2]s --purpose TEXT",
		},
		"contract.revoked_because": {
			"合同 %s 已被发布方撤销：%[3]s",
			"请重新订购：weir order create --dataset %[2]s --purpose TEXT",
		},
		"contract.state":             {"合同 %s 的状态已是“%o”", ""},
		"contract.suspended":         {"合同 %s 已被发布方暂停", ""},
		"contract.suspended_because": {"合同 %s 已被发布方暂停：%s", ""},
		"contract.used_up":           {"%s 的 %d 次查询已用完", ""},
		"dominance.failed": {
			"%[2]d 个单元中有 %[1]d 个不符合 %[3]s %% 规则",
			"请合并或删去所列各项，或不带 --strict 发布",
		},
		"order.aggregate":         {"%.80q 不是聚合函数", ""},
		"order.aggregate_policy":  {"数据集的政策不允许 %s", "允许的有：%[2]l"},
		"order.measure":           {"%.80q 不是该数据集的指标：%l", ""},
		"order.min_cohort":        {"min_cohort 为 %d，政策为 %d；合同只能要求更大的组", ""},
		"order.min_cohort_public": {"数据集 %s 是公开的：每个读数都可以查询", ""},
		"order.portfolio_min_cohort": {
			"私有名单的结果不受合同 min_cohort 约束：除持有者外无人知道名单上有多少实体",
			"订购时请去掉 --min-cohort，或去掉 --portfolio",
		},
		"order.portfolio_places": {
			"指标 %[2]s 的 %[1]d 个私有名单精确结果名额均已占用",
			"请批准时去掉私有名单或该指标；占用名额的合同终止后，名额即释放",
		},
		"order.portfolio_public": {
			"数据集 %s 是公开的：私有名单无需名额即可得到精确结果",
			"请去掉 --portfolio",
		},
		"order.portfolio_sums": {
			"私有名单的精确结果是总和，而订单没有申请总和",
			"请同时订购 sum，或去掉 --portfolio",
		},
		"order.purpose":      {"用途须为 1 至 %d 字节的文本", ""},
		"order.queries":      {"查询次数为 %d", ""},
		"order.state":        {"订单 %s 的状态已是“%o”", ""},
		"order.term":         {"期限须在今后十年之内结束", ""},
		"order.term_ended":   {"期限已经结束", ""},
		"order.wider_budget": {"订单申请的预算为 %s，批准授予的是 %s", zhOnlyNarrower},
		"order.wider_epsilon": {
			"政策给每份合同的 epsilon 为 %s，批准授予的是 %s",
			zhOnlyNarrower,
		},
		"order.wider_grain": {"订单申请的周期为一个%o，批准授予的是一个%o", zhOnlyNarrower},
		"order.wider_min_cohort": {
			"订单申请的组至少有 %d 个实体，批准授予的是至少 %d 个",
			zhOnlyNarrower,
		},
		"order.wider_names":     {"%.80q 不在订单之中，订单有：%l", zhOnlyNarrower},
		"order.wider_queries":   {"订单申请 %d 次查询，批准授予 %d 次", zhOnlyNarrower},
		"order.wider_term":      {"订单的期限至 %s，批准的期限至 %s", zhOnlyNarrower},
		"principal.key_of_node": {"该密钥属于节点 %s", ""},
		"principal.key_taken":   {"该密钥属于机构 %s（名为 %q）", ""},
		"principal.name":        {"%.80q 不能作为名称：须为 1 至 %d 字节，不含斜杠，首尾无空格", ""},
		"principal.name_taken":  {"已有另一机构名为 %q", ""},
		"principal.role":        {"未知角色 %.40q", "角色有 %[2]s、%[3]s 和 %[4]s"},
		"reason.length":         {"理由须为不超过 %d 字节的文本", ""},
		"reason.missing":        {"没有说明理由", ""},
		"reason.required":       {"理由须为 1 至 %d 字节的文本", ""},
		"statement.month":       {"%.40q 不是月份", "写法如 2026-11"},
	}
}
