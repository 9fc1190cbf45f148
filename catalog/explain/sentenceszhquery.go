package explain

// zhQuerySentences are querySentences in Chinese.
func zhQuerySentences() map[string]sentence {
	return map[string]sentence{
		"cohort.class":          {"没有可发布的结果：组（%[2]g）中有 %[1]d 个实体计入，但没有一个类别完整地落在其中且新内容足够多", ""},
		"cohort.contract_least": {"没有可发布的结果：合同要求每个结果至少涉及 %d 个实体，最大的组（%g）涉及 %d 个", ""},
		"cohort.coverage":       {"没有可发布的结果：覆盖最全的组（%g）覆盖 %[3]d 个实体中的 %[2]d 个，低于数据集 %[4]s 的最低覆盖率 %[5]s", ""},
		"cohort.few":            {"没有可发布的结果：每个组计入的实体都少于 %d 个，最大的组（%g）有 %d 个", ""},
		"cohort.incomplete": {
			"答案将不完整：（%[3]g）的 %[2]E中包含 %[1]d 个，%[4]d 个实体的更正暂不计入；有 %[5]d 个组不发布",
			"查询时去掉 --complete，或查询更大的组",
		},
		"cohort.small":         {"没有可发布的结果：数据集 %s 只发布至少有 %d 个实体的组，最大的组（%g）有 %K", ""},
		"cohort.trial":         {"没有可发布的结果", ""},
		"condition.arguments":  {"%s 有 %d 个条件", ""},
		"condition.nested":     {"%s 的参数中含有条件", ""},
		"condition.operator":   {"未知运算符 %.20q", ""},
		"condition.order":      {"取值没有排序或有重复：%.80q 在 %.80q 之后", ""},
		"condition.own_column": {"%s 自身不应有列或取值", ""},
		"condition.size":       {"条件过大：最多 %d 个部分，最多嵌套 %d 层", ""},
		"condition.values":     {"%s 有 %d 个取值", ""},
		"figure.between":       {"%[2]s 至 %[3]s 的 %[1]s", ""},
		"figure.in":            {"%[2]s 的 %[1]s", ""},
		"figure.of":            {"%l 中%s", ""},
		"figure.piece":         {"%[2]s，分片 %[1]s", ""},
		"join.coarse": {
			"数据集 %s 和 %s 每个%o一个单元，而发布以完整的%o为周期：两者在哪些单元都有读数，账本中没有记载",
			"只有政策粒度与自身粒度相同的数据集才能联接",
		},
		"join.function": {
			"两个数据集联接时不能回答 %.40q",
			"请查询 SUM(x.measure * y.measure) 和 COUNT(*)",
		},
		"join.itself": {"数据集 %s 与自身联接", ""},
		"join.noise":  {"本版本不回答联接数据集的加噪查询", "查询时去掉 --epsilon"},
		"join.not_listed": {
			"数据集 %s 的政策没有在 joins 中列出 %s",
			"须由其发布方列出：被联接的发布方会接触到读数，须受信任",
		},
		"join.one_publisher": {
			"数据集 %s 和 %s 属于同一发布方：自身指标的乘积应作为同一数据集的 moments",
			"请其发布方将两个指标发布在同一数据集中，并声明 moments",
		},
		"join.private": {
			"本版本不回答联接数据集的私有向量查询",
			"查询时去掉 PRIVATE",
		},
		"join.product_alone":    {"乘积需要第二个数据集的指标，而查询没有联接", ""},
		"join.product_measures": {"乘积由 %.80q 的一个指标和 %.80q 的一个指标构成", ""},
		"join.public": {
			"数据集 %s 是公开的而 %s 不是：以人人皆知的数加权的总和不精确发布",
			"请在受保护的数据集之间联接，或在公开的数据集之间联接",
		},
		"join.shape": {
			"数据集 %s 和 %s 不能联接：一方的%o为 %s，另一方为 %s",
			"请联接在此方面相同的数据集；weir dataset list 会列出",
		},
		"joint.nothing": {
			"没有可发布的结果：数据集 %s 和 %s 的共同部分，只对同为两者类别的实体集合发布，且两者须有相同实体的读数，新内容须达到 %d 的数倍",
			"请查询更大的组或其他周期，或加上 --partial；COUNT(*) 总能回答",
		},
		"joint.pair": {
			"%[2]s 的版本 %[1]d 和 %[4]s 的版本 %[3]d 从未同时为最新，截至它们的乘积不发布",
			"",
		},
		"noise.contract_short": {"该查询消耗 epsilon %[1]s，而合同 %[4]s 剩余 %[2]s（共 %[3]s）", ""},
		"noise.delta": {
			"delta %.40q 不是大于 0 且小于 1 的数",
			"写法如 1e-9；不填则为拉普拉斯噪声",
		},
		"noise.delta_query": {
			"查询要求 delta 为 %s；数据集 %s 每次查询最多给 %s",
			"查询时用 --delta %[3]s 或更小的值；不填则为拉普拉斯噪声",
		},
		"noise.epsilon": {
			"epsilon %.40q 不是大于 0 且不大于 1 的十进制数",
			"请不用指数形式书写，例如 0.5",
		},
		"noise.epsilon_query": {
			"查询要求 epsilon 为 %s；数据集 %s 每次查询最多给 %s",
			"查询时用 --epsilon %[3]s 或更小的值",
		},
		"noise.family_limit": {
			"policy.dp.epsilon_family 为 %s，而同一名录上的数据集 %[3]s 为 %[2]s；同一发布方在同一名录上的所有数据集共用一个预算",
			"请设为 %[2]s",
		},
		"noise.family_number": {"%.40q 不是十进制数", ""},
		"noise.family_short":  {"该查询消耗 epsilon %[1]s，而数据集 %[4]s 所在数据族（所有买方合计）剩余 %[2]s（共 %[3]s）", ""},
		"noise.incomplete":    {"答案将不完整：有的组计入的实体少于 %d 个，其中第一个（%g）有 %d 个", ""},
		"noise.not_offered": {
			"数据集 %s 不提供加噪结果：其政策没有 dp",
			"查询时去掉 --epsilon",
		},
		"noise.of_counts": {
			"该查询只要计数，计数是公开的，不加噪声",
			"查询时去掉 --epsilon",
		},
		"plan.noise": {
			"%d 个密文块需要 %s 位噪声，而只有 %s 位",
			"每次请查询一个指标的至多 %[4]d 个密文块：减少周期或实体",
		},
		"plan.overflow":       {"最坏情况下的总和 %s 超过可精确表示的最大值 %s", ""},
		"plan.overflow_noise": {"最坏情况下的总和 %s 超过可精确表示的最大值 %s，其中 %s 留给各节点的噪声", ""},
		"plan.too_large": {
			"查询计划过大：超过 %d 个槽映射、%d 个组，或 %d 个私有或联接结果的总和",
			"请按更粗的周期分组，或减少组或周期",
		},
		"portfolio.bound": {
			"数据集 %s 限定每个持有者只用其第一份名单（portfolio_change 为 never），而您此前查询过另一份",
			"请用您第一次查询的名单",
		},
		"portfolio.class": {
			"没有可发布的结果：私有名单 %s 所查询的各组中，没有一个完整的类别",
			"请查询总计，或登记时减少属性",
		},
		"portfolio.contract": {"合同 %s 未授予私有名单的精确结果；订购时加上 --portfolio 即可获得", ""},
		"portfolio.elsewhere": {
			"私有名单 %[1]s 的版本 %[2]d 由本机没有记录的文件登记",
			"查询时去掉 --private 即使用该版本；或用 `weir portfolio register %[1]s %[3]s --registry %[4]s` 将此文件登记为下一版本",
		},
		"portfolio.fails":      {"私有名单 %s 截至数据集 %[3]s 的版本 %[2]d 未通过检验，没有提交查询：%[4]s", ""},
		"portfolio.few_change": {"以下各处，名单之内与名单之外合计的变化太少：%s", ""},
		"portfolio.groups": {
			"私有名单 %s 不能按 %s 查询：登记时的分组属性为：%l，且不再改变",
			"查询时去掉该分组，或在政策有 dp 时用 --epsilon 查询",
		},
		"portfolio.incomplete": {
			"答案将不完整：有 %d 个组不发布，因为其中没有完整的类别",
			"查询时去掉 --complete，或查询更大的组",
		},
		"portfolio.list": {
			"私有名单 %s 不在本机，而其精确结果需要由名单生成的见证",
			"请在登记该名单的机器上用 --private %[1]s=FILE.csv 查询",
		},
		"portfolio.minimum": {
			"此处每个结果至少涉及 %d 个实体；私有名单最多只能按 %d 个检验",
			"请在政策有 dp 时用 --epsilon 查询，或去掉私有名单",
		},
		"portfolio.no_sources": {
			"请求列出了来源，而只有对受保护数据用私有名单作精确查询时才列出来源",
			"请去掉来源",
		},
		"portfolio.none": {
			"您没有私有名单 %.80q",
			"见 `weir portfolio list`，或登记：weir portfolio register %[1]s FILE.csv --registry ID",
		},
		"portfolio.one_group": {
			"私有名单 %s 不能按 %s 查询：登记时作为一个组，且不再改变",
			"查询时去掉该分组，或在政策有 dp 时用 --epsilon 查询",
		},
		"portfolio.other": {
			"%[2]s 的 %[1]s 已用您的另一份名单查询过：一个周期在所有版本中只对应一份名单",
			"请用那份名单查询，或查询其他周期",
		},
		"portfolio.products": {
			"检验该名单需要 %d 个份额乘积，最多允许 %d 个",
			"每次请减少指标或周期，至少分为 %[3]d 部分查询；或登记时减少分片、采用更粗的分组",
		},
		"portfolio.sources": {
			"查询针对的版本与截至数据集 %[2]s 的版本 %[1]d 不符：查询列出的来源为 %[3]s，此处为 %[4]s",
			"请重新查询：客户端会重新检验名单",
		},
		"portfolio.lost": {
			"%[2]s 的 %[1]s 可能已用另一份名单查询过：集群是恢复而来的，备份之后的回答已丢失",
			"请查询更晚的周期，或查询加噪结果；其发布方也许知道没有查询过：weir dataset reopen --no-lists-lost",
		},
		"portfolio.lost_list": {
			"对数据集 %s 查询的第一份名单可能是另一份：集群是恢复而来的，备份之后的回答已丢失",
			"请查询加噪结果；其发布方也许知道没有查询过：weir dataset reopen --no-lists-lost",
		},
		"portfolio.taken": {
			"%[2]s 的 %[1]s 已用其他 %[3]d 个持有者的名单查询过，不能再增加",
			"请查询其他周期：weir order show 会列出还有哪些",
		},
		"portfolio.unanswered": {
			"查询 %s 没有得到回答：%s；节点所知仅此而已",
			"请用本版本的客户端查询，它会在提问之前检验名单；或在政策有 dp 时用 --epsilon 查询",
		},
		"portfolio.withdrawn": {
			"私有名单截至数据集 %[2]s 的版本 %[1]d 的结果需要版本 %[3]d，而该版本已撤回",
			"请截至其他版本查询：--as-of auto",
		},
		"portfolio.witnesses": {
			"密封的见证有 %d 份，查询需要 %d 份",
			"请将检验的见证分别密封给节点名册中的每个节点；没有检验的查询不带见证",
		},
		"private.both": {
			"一个查询只能有私有筛选或私有权重之一",
			"请登记权重，未选中的实体权重为 0",
		},
		"private.one_measure": {"私有向量的 %s 只接受一个指标", "请写出数据集的一个指标"},
		"private.piece_noise": {
			"分片的结果是精确的，而查询要求加噪",
			"查询时去掉 --epsilon，或去掉 PIECE(name)",
		},
		"private.piece_without": {
			"请求按分片分组，却不在私有分片之内",
			"请写明：WHERE entity IN PRIVATE(name)",
		},
		"private.selector_function": {
			"私有筛选适用于 count、sum 和 avg，不适用于 %.40q",
			"请查询这些函数，或去掉私有名单",
		},
		"private.wavg": {
			"wavg 需要私有的权重向量",
			"请查询 avg，或登记权重：weir portfolio register",
		},
		"private.weights_exact": {"以私有权重加权的总和只能加噪发布", ""},
		"private.weights_function": {
			"私有权重适用于 sum 和 wavg，不适用于 %.40q",
			"请查询总和或加权平均值",
		},
		"query.attempts": {"%d 次尝试都没有完成；最后一次：%s", ""},
		"query.grain": {
			"查询按%o分组；数据集 %s 的分组最细周期为%o",
			"请按 date_trunc('%[3]s', period) 分组",
		},
		"query.magnitude": {"%[1]C 在 %[2]d 个单元上的总和可能达到 %[2]d × %[3]d，超过 %[4]d", ""},
		"query.max_groups": {
			"查询形成 %d 个或更多的组，一次最多发布 %d 个",
			"请减少分组维度或采用更粗的周期，或分几次查询",
		},
		"query.max_share": {
			"%[2]d 列的 %[1]d 个组构成 %[3]d 字节的份额，超出一个签名信封的容量",
			"列数如此时，每次请查询至多 %[4]d 个组",
		},
		"query.max_values": {
			"各组的取值共 %d 字节，最多允许 %d 字节",
			"请减少分组维度，或至少分为 %[3]d 部分查询",
		},
		"query.max_verdict": {
			"裁定有 %d 字节，最多允许 %d 字节",
			"请减少组或周期，至少分为 %[3]d 部分查询",
		},
		"query.max_work": {
			"裁定该查询需要 %d 步，最多允许 %d 步",
			"每次请减少指标或周期，至少分为 %[3]d 部分查询",
		},
		"query.no_common_period": {
			"数据集 %[2]s 的版本 %[1]d 和数据集 %[4]s 的版本 %[3]d 没有共同的周期",
			"请分别查询，或等待覆盖对方周期的版本",
		},
		"query.no_complete_period": {
			"截至版本 %[2]d，数据集 %[1]s 没有完整的周期：发布方在一个%[3]o的数据齐全后才将其关闭",
			"请等待下一版本；COUNT 可以回答",
		},
		"query.no_entity": {
			"数据集 %[2]s 的版本 %[1]d 中没有符合条件的实体",
			"请放宽条件，或去掉条件",
		},
		"query.no_joint_period": {
			"查询的周期都不在数据集 %s 和 %s 的版本之内，两者共有的周期为 %s 至 %s",
			"请查询 '%[3]s' 至 '%[4]s' 之间的周期",
		},
		"query.no_period": {
			"查询的周期都不在数据集 %[2]s 的版本 %[1]d 之内，该版本的周期为 %[3]s 至 %[4]s",
			"请查询 '%[3]s' 至 '%[4]s' 之间的周期",
		},
		"query.part_period": {
			"查询只取了 %s 的一部分；数据集 %s 按政策粒度（%o）发布完整的周期",
			"请完整地取 %[1]s，或将其去掉",
		},
		"query.forget_early":      {"比账本时间早到 %d ms", ""},
		"query.forget_none":       {"仍保留的查询都未到保留期限", ""},
		"query.state":             {"查询 %s 的状态为“%o”", ""},
		"query.too_few":           {"在 %s 内，持有数据且能够打开的节点太少，需要 %d 个", ""},
		"query.too_few_without":   {"在 %s 内，持有数据且能够打开的节点太少，需要 %d 个；缺少：%l", ""},
		"query.unnamed":           {"没有指定第 %d 次尝试：%s", ""},
		"query.unnamed_worn":      {"没有指定第 %d 次尝试：%s；发布方需要新密钥，并须重新加密", ""},
		"repeat.active":           {"查询 %s 由 %l 回答，而此次尝试指定 %l", ""},
		"repeat.context":          {"该份额对应计划 %[2]s 的打开 %[1]s，而查询 %[3]s 由 %[4]s 和 %[5]s 回答", ""},
		"repeat.none":             {"查询 %s 没有重复任何查询", ""},
		"repeat.reseals":          {"查询 %s 的份额不能再次密封", ""},
		"request.aggregate_twice": {"该聚合函数重复出现", ""},
		"request.aggregate_unknown": {
			"未知聚合函数 %.40q",
			"请求可以包含 count、sum、avg、var、covar、regr、histogram 和 product",
		},
		"request.aggregates":        {"聚合函数有 %d 个，允许 1 至 %d 个", ""},
		"request.dataset":           {"请求针对数据集 %.80q，而不是 %q", ""},
		"request.dimension_twice":   {"该分组维度重复出现", ""},
		"request.dimension_unknown": {"未知分组维度 %.40q", ""},
		"request.entity_dimension":  {"实体维度没有列，也没有粒度", ""},
		"request.grain_finer":       {"按%o分组，而数据集以%o为单位的周期不落在其中", ""},
		"request.grain_unknown":     {"未知粒度 %.40q", ""},
		"request.interval_order":    {"各区间在 [%d, %d) 处没有升序排列、互不相交且互不相邻", ""},
		"request.intervals":         {"区间有 %d 个，最多接受 %d 个", ""},
		"request.piece_dimension":   {"分片维度没有列，也没有粒度", ""},
		"request.release":           {"版本为 %d", ""},
		"request.sql":               {"SQL 有 %d 字节，最多接受 %d 字节", ""},
		"request.two_grains":        {"按两种周期粒度分组", ""},
		"request.version":           {"请求版本为 %d，应为 %d", ""},
		"test.disagree":             {"参与尝试的节点对查询 %s 检验失败的原因不一致", ""},
		"test.failed":               {"检验未通过", ""},
		"test.failed_query":         {"私有名单：某个结果涉及的实体会少于政策的 min_cohort", ""},
		"test.none":                 {"查询 %s 没有检验", ""},
		"test.passed":               {"节点 %s 已发送其份额，因此检验已通过", ""},
		"test.said":                 {"节点 %s 已经报告", ""},
		"test.said_failed":          {"节点 %s 已报告检验未通过", ""},
		"test.witnesses":            {"见证有误", ""},
		"test.witnesses_query":      {"私有名单：见证与名单不符", ""},
		"verify.level": {
			"核验的答复自功能级别 %d 起提供，而集群的级别为 %d",
			"查询时去掉 --verify，或请运营方提升级别：weir operator upgrade raise",
		},
		"verify.nodes": {
			"核验的答复需要比共同打开所需的 %d 个节点多一个：数据由 %d 个节点分享，需要 %d 个",
			"查询时去掉 --verify",
		},
		"verify.noise": {
			"加噪的答复不作核验：各组节点的合计会因单个节点抽取的噪声而不同，从而泄露这些噪声",
			"查询时去掉 --verify",
		},
		"verify.private": {
			"使用私有组合或私有权重的查询不作核验：其检验每次尝试只针对一组节点",
			"查询时去掉 --verify",
		},
		"verify.product": {
			"两个数据集的乘积不作核验：它在一组节点的份额上计算",
			"查询时去掉 --verify",
		},
		"verify.share": {
			"核验时，%d 个组、%d 列构成 %d 字节的密封份额，超出一个信封的容量",
			"每次请查询较少的组，或去掉 --verify",
		},
	}
}
