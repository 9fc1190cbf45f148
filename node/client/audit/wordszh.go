package audit

// chineseWords are the sentences of Words in Chinese.
func chineseWords() map[string]string {
	return map[string]string{
		"%s signed a %s, and it was refused at %s: %s (rule %s).":                        "%s 签署的 %s 于 %s 被拒绝：%s（规则 %s）。",
		"%s signed a %s, and it was accepted at %s.":                                     "%s 签署的 %s 于 %s 被接受。",
		"It made or changed %s.":                                                         "它创建或更改了 %s。",
		"Publisher %s proposed version %d of dataset %s at %s, in %d tiles.":             "发布方 %[1]s 于 %[4]s 提交数据集 %[3]s 的版本 %[2]d，共 %[5]d 个密文块。",
		"Its manifest has the digest %s, its presence %s.":                               "其清单的摘要为 %s，有无读数的记录的摘要为 %s。",
		"The nodes stored and checked it; it went live at %s.":                           "各节点已存储并检查，该版本于 %s 生效。",
		"That it went live is not proven here.":                                          "此凭证不证明该版本已经生效。",
		"The signed envelope, digest %s, is entry %d of the evidence log of cluster %s.": "签名信封（摘要 %[1]s）是集群 %[3]s 证据日志的第 %[2]d 条。",
		"The log's first %d entries, root %s, were signed by %s.":                        "该日志的前 %d 条（根 %s）由以下节点签名：%s。",

		"%s at %s": "%s（%s）",
		" and ":    "、",

		"%q (%s) asked query %s at %s.": "%q（%s）提出查询 %s，时间 %s。",
		"The SQL that was signed: %q.":  "签名的 SQL：%q。",
		"It was charged at %s %s.":      "收费 %s %s。",
		"It was accepted under contract %s: %d groups released, %d withheld, by the verdict with digest %s.":               "按合同 %s 接受：发布 %d 组，不发布 %d 组，裁定的摘要为 %s。",
		"It repeats query %s, which was released before, and releases nothing new.":                                        "它重复此前已发布的查询 %s，没有发布新的内容。",
		"It reads version %d of dataset %s, manifest %s, presence %s.":                                                     "它读取数据集 %[2]s 的版本 %[1]d，清单 %[3]s，有无读数的记录 %[4]s。",
		"Of version %d it takes what later versions did not change: manifest %s, presence %s.":                             "后续版本没有更改的部分取自版本 %d：清单 %s，有无读数的记录 %s。",
		"It joins version %d of dataset %s, manifest %s, presence %s, under contract %s.":                                  "它与数据集 %[2]s 的版本 %[1]d 连接，清单 %[3]s，有无读数的记录 %[4]s，按合同 %[5]s。",
		"It reads version %d of %s: manifest %s, presence %s.":                                                             "它读取 %[2]s 的版本 %[1]d：清单 %[3]s，有无读数的记录 %[4]s。",
		"Attempt %d was given to the nodes %s, as a checked answer: each set of them that opens together opened %d tiles.": "第 %d 次开启由节点 %s 执行，答复经核验：其中每一组足以共同打开的节点各开启了 %d 个密文块。",
		"Attempt %d was given to the nodes %s, gathered by %s, opening %d tiles.":                                          "第 %d 次开启由节点 %s 执行，由 %s 汇总，开启 %d 个密文块。",
		"Node %s sealed its share to the buyer, digest %s.":                                                                "节点 %s 已将其份额密封给购买方，摘要 %s。",
		"It asked for counts, which are public: nothing was opened.":                                                       "所问为公开的计数：没有开启任何密文。",
		"All members of the attempt have sealed their shares: the query was answered.":                                     "所有参与节点均已密封其份额：查询已得到回答。",
		"That the query was answered is not proven here.":                                                                  "此凭证不证明查询已得到回答。",
	}
}
