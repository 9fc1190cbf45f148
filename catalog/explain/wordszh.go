package explain

// zhWords are words of the program's own in Chinese: states, grains, roles, and what ids
// are of. Names that a descriptor or a command has (aggregates, fields) stay as they are.
func zhWords() map[string]string {
	return map[string]string{
		// grains
		"quarter_hour": "一刻钟", "half_hour": "半小时", "hour": "小时", "day": "日", "week": "周", "month": "月", "quarter": "季度", "year": "年",
		// roles
		"publisher": "发布方", "buyer": "买方", "operator": "运营方", "node": "节点",
		// states
		"active": "有效", "suspended": "已暂停", "revoked": "已撤销", "open": "待处理", "approved": "已批准", "refused": "已拒绝",
		"proposed": "已提出", "committed": "正在检查", "stored": "正在校验", "live": "已上线", "expired": "已清除", "rejected": "未通过",
		"committing": "等待承诺", "dealing": "正在分发", "erasing": "正在删除旧份额", "testing": "正在测试", "signing": "正在签名", "ready": "就绪", "failed": "失败", "wanted": "已要求更换",
		"accepted": "已接受", "running": "正在进行", "done": "已完成", "storing": "正在存储", "lining": "第一次检查", "proving": "第二次检查", "dropped": "已删除",
		// what nodes and datasets have
		"id": "ID", "addr": "节点间地址", "api": "客户端地址", "key": "密钥", "sealing": "密封密钥",
		"registry": "名录", "grain": "粒度", "utc_offset": "UTC 偏移", "policy.grain": "政策粒度",
		// what ids are of, and where they are seen (node/client)
		"an order": "订单", "order": "订单", "a contract": "合同", "contract": "合同", "a query": "查询", "query": "查询",
		"a private vector": "私有向量", "private vector": "私有向量", "a principal": "机构", "principal": "机构",
		"see `weir order list`": "见 `weir order list`", "see `weir contract list`": "见 `weir contract list`",
		"see `weir portfolio list`": "见 `weir portfolio list`", "see `weir principal list`": "见 `weir principal list`",
		"the id stands below each answer, and in `weir contract statement`": "ID 列在每个答案下方，也见 `weir contract statement`",
		"nothing": "空",
	}
}
