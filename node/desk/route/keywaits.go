package route

// chineseKeyWaits are what a publisher's key waits for, in English as node/client and the operator's desk say it, and in
// Chinese.
func chineseKeyWaits() [][2]string {
	return [][2]string{
		{"attempt %d is %s", "第 %s 次尝试：%s"},
		{"attempt %d is %s and waits for %s", "第 %s 次尝试（%s），等待 %s"},
		{"attempt %d is %s and waits for %s; all nodes must be up", "第 %s 次尝试（%s），等待 %s；所有节点都须在线"},
		{"attempt %d failed (%s); the next begins when all nodes are up", "第 %s 次尝试失败（%s）；所有节点在线后再次开始"},
		{"attempt %d failed (%s), the next begins when all nodes are up", "第 %s 次尝试失败（%s），所有节点在线后再次开始"},
		{"new shares are in force; waiting for the old one to be erased by %s", "新份额已生效；等待 %s 删除旧份额"},
		{"waiting until all nodes are up", "等待所有节点在线"},
		{"its publisher has not let it move (`weir key move`)", "其发布方尚未允许迁移（`weir key move`）"},
		{"the nodes have not begun to make the key", "各节点尚未开始生成密钥"},
		{"the nodes have not begun to make the key: all of them must be up", "各节点尚未开始生成密钥：所有节点都须在线"},
		{"the nodes have not begun to make the key: all of them must be up, and it waits for %s", "各节点尚未开始生成密钥：所有节点都须在线，正在等待 %s"},
		{"the nodes have not begun to make the key: all of them must be up, and there is no answer from %s", "各节点尚未开始生成密钥：所有节点都须在线，而 %s 没有应答"},
	}
}

// chineseLogs are how evidence logs differ, in English as node/client/audit/monitor.go says it, and in Chinese.
func chineseLogs() [][2]string {
	return [][2]string{
		{"node %s says: %s", "节点 %s 称：%s"},
		{"node %s signed %d entries, and now only %d", "节点 %s 曾签署 %s 条，现在只签署 %s 条"},
		{"the %d entries that node %s signed do not begin the %d that node %s signed", "节点 %[2]s 签署的 %[1]s 条不是节点 %[4]s 签署的 %[3]s 条的开头部分"},
		{"the nodes' logs differ: %s", "各节点的日志不一致：%s"},
		{"of %d entries %s has the root %s, and these have others: %s", "对 %s 条记录，%s 的根为 %s，以下节点的根不同：%s"},
		{"the checkpoint of node %s: %s", "节点 %s 的检查点：%s"},
		{"the checkpoint of node %s was signed by %s", "节点 %s 的检查点由 %s 签署"},
	}
}

// chineseManifests are why a backup's manifest cannot be used, in English as node/backup/manifest.go says it, and in Chinese.
func chineseManifests() [][2]string {
	return [][2]string{
		{"read backup %s: %s", "读取备份 %s：%s"},
		{"unusable backup manifest: %s", "备份清单不可用：%s"},
		{"version %d, this program reads version %d", "清单为版本 %s，本程序可读版本 %s"},
		{"read the roster: %s", "读取席位：%s"},
		{"it is of cluster %s, not of %s: give that cluster's profile, or the archive of this one", "它属于集群 %s，而不是 %s：请给出该集群的配置，或本集群的存档"},
		{"its checkpoint: %s", "其检查点：%s"},
		{"its checkpoint is of %d entries with the root %s, and it of %d with %s", "其检查点为 %s 条、根 %s，而清单为 %s 条、根 %s"},
		{"it does not say to whom it is encrypted", "没有说明对谁加密"},
		{"it has no ledger", "没有账本"},
		{"blob %s is out of order", "数据块 %s 的次序有误"},
		{"part %s has %d bytes, at most %d are possible", "分块 %s 有 %s 字节，最多为 %s 字节"},
		{"it is of backup %s", "它属于备份 %s"},
	}
}
