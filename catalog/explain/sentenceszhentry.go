package explain

// zhEntrySentences are entrySentences in Chinese.
func zhEntrySentences() map[string]sentence {
	return map[string]sentence{
		"body.unreadable": {
			"%s：%s",
			"如果本程序比集群的功能级别新，待所有节点装好新版本后由运营方提升级别：`weir operator upgrade status`",
		},
		"entry.short":      {"内容不完整，提前结束", ""},
		"entry.signer":     {"签名者不是有效的名称", ""},
		"entry.size":       {"大小为 %d 字节，最多接受 %d 字节", ""},
		"entry.time":       {"时间 %d 不在 0 至 %d 之间", ""},
		"entry.trailing":   {"正文之后还有 %d 字节", ""},
		"entry.unreadable": {"条目无法读取：%s", ""},
		"entry.version":    {"版本为 %d，应为 %d", ""},
		"envelope.cluster": {"该签名信封属于集群 %.80q，本集群为 %q", ""},
		"envelope.expired": {
			"签名信封已于 %d ms 前过期",
			"请重新签名；如仍无效，请校准签名机器的时钟",
		},
		"envelope.issued": {
			"签名信封的签发时间比集群时钟早到 %d ms",
			"请校准签名机器的时钟",
		},
		"envelope.kind":      {"没有名为 %.80q 的操作", ""},
		"envelope.lifetime":  {"签名信封的有效期为 %d ms，最多接受 %d ms", ""},
		"json.field_twice":   {"字段 %.80q 重复出现", ""},
		"json.fields":        {"某个对象的字段多于 %d 个", ""},
		"json.not_object":    {"不是 JSON 对象", ""},
		"json.not_utf8":      {"不是有效的 UTF-8", ""},
		"json.trailing":      {"JSON 对象之后还有内容，从第 %d 字节起", ""},
		"json.unfit":         {"无法读取：格式错误、含有未知字段，或某个值的类型不符", ""},
		"json.unknown_field": {"未知字段 %.80q", ""},
		"payload.kind":       {"%.80q 不是操作的名称", ""},
		"payload.nonce":      {"随机数 %.40q 不是 32 位小写十六进制数字", ""},
		"payload.time":       {"签发时间 %d 和到期时间 %d 不构成有效时段", ""},
		"payload.unreadable": {"载荷无法读取：%s", ""},
		"payload.version":    {"版本为 %d，应为 %d", ""},
		"receiving.size":     {"接收密钥有 %d 字节，MLKEM768X25519 公钥应有 %d 字节", ""},
		"receiving.unusable": {"无法向该接收密钥密封任何内容", "请用 weir keygen 生成密钥"},
		"role.node":          {"节点不能执行 %s", ""},
		"role.other":         {"%[2]o不能执行 %[1]s", ""},
		"signer.no_node":     {"节点名册中没有名为 %.80q 的节点", ""},
		"signer.no_principal": {
			"没有 ID 为 %.80q 的机构",
			"请运营方准入其密钥：weir principal add",
		},
		"signer.other":     {"载荷由 %.80q 生成，而不是 %.80q", ""},
		"signer.signature": {"签名不是 %.80q 的签名", ""},
	}
}
