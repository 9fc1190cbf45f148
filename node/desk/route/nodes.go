package route

import (
	"slices"
	"sync"

	"github.com/weirdata/weir/catalog/explain"
)

// NodeIn is what a node says of itself, or a client of nodes, in a language. Rare errors of libraries stay in English, and
// what a newer node says.
func NodeIn(l explain.Language, text string) string {
	if l == explain.English || text == "" {
		return text
	}
	return ofNodes.chinese(text)
}

// NodesIn is NodeIn of each.
func NodesIn(l explain.Language, texts []string) []string {
	if l == explain.English {
		return texts
	}
	out := slices.Clone(texts)
	for i, text := range out {
		out[i] = NodeIn(l, text)
	}
	return out
}

var ofNodes = telling{
	patterns: sync.OnceValue(func() []pattern {
		return compiled(slices.Concat(chineseNodes(), chineseHarms(), chineseHealth(), chineseKeyWaits(), chineseLogs(), chineseManifests(), chineseTroubles()))
	}),
	otherwise: otherwise,
}

// chineseNodes are what keeps a node from work, and what it waits for, in English as packages node, compare and consensus say
// it, and in Chinese.
func chineseNodes() [][2]string {
	return [][2]string{
		// what the leader waits for
		{"the key of publisher %s needs all nodes up: %s does not answer", "发布方 %s 的密钥须所有节点在线才能生成：%s 没有应答"},
		{"the key of publisher %s: %d attempts in a row have failed, the next follows within %s", "发布方 %s 的密钥已连续 %s 次生成失败，%s 内再次尝试"},
		{"key %s would be lost with the share of %s: no machine of theirs can be replaced until %s has its share", "一旦失去 %[2]s 的份额，密钥 %[1]s 就会丢失：在 %[3]s 取得份额之前，不能更换这些节点的机器"},
		{"new shares of key %s need all nodes up that get one: %s does not answer", "密钥 %s 更换份额须所有接收节点在线：%s 没有应答"},
		{"new shares of key %s need %d of those that have one: only %s are up", "密钥 %s 更换份额须有 %s 个持有份额的节点在线：在线的只有 %s"},
		{"new shares of key %s: %d attempts in a row have failed, the next follows within %s", "密钥 %s 已连续 %s 次更换份额失败，%s 内再次尝试"},
		{"new shares of key %s wait until all nodes have erased the old ones: %s has not", "密钥 %s 更换份额须等所有节点删除旧份额：%s 尚未删除"},
		{"%s has no vote in the ledger yet: it has to be up, and to have what the others have", "%s 在账本中尚无投票权：须在线，并追上其他节点"},
		// what keeps a node from work
		{"the ledger stopped: %s", "账本已停止：%s"},
		{"the ledger stopped: %s; mend that and start the node again", "账本已停止：%s；请排除故障后重新启动节点"},
		{"%s; see the log", "%s；详见日志"},
		{"no node leads", "没有主节点"},
		{"the cluster is not founded yet", "集群尚未建立"},
		{"the ledger is of cluster %s, this node was started for %s", "账本属于集群 %s，而此节点是为集群 %s 启动的"},
		{"%s; free some space below %s", "%s；请清理 %s 下的空间"},
		{"no room for uploads: %d MB left, %d are kept free; free some space below %s", "没有空间接收上传：剩余 %s MB，须保留 %s MB；请清理 %s 下的空间"},
		{"this program is too old for the cluster: install the release that the other nodes run, and start the node again", "本程序版本低于集群所需：请安装其他节点所用的版本，并重新启动节点"},
		{"this node's clock is wrong: %s", "此节点的时钟有误：%s"},
		{"it was set by %s since it was last compared with another node's", "自上次与其他节点比较以来被调整了 %s"},
		{"it is %s behind that of %s; set it", "比 %[2]s 慢 %[1]s；请校准"},
		{"it is %s ahead of that of %s; set it", "比 %[2]s 快 %[1]s；请校准"},
		{"this node has not compared its clock with enough others yet", "此节点尚未与足够多的节点比较时钟"},
		{"this node's share of key %s does not fit those of the others, as canary %d of %s found: have it shared anew with weir operator refresh", "此节点持有的密钥 %s 的份额与其他节点不符（检验 %s，%s）：请用 weir operator refresh 更换份额"},
		{"this node holds no usable share of the key: %s", "此节点没有可用的密钥份额：%s"},
		{"this node holds no usable share of the key %s", "此节点没有可用的密钥份额：%s"},
		// states and logs that differ
		{"the state of this node is in doubt: %s", "此节点的状态存疑：%s"},
		{"it has applied %d entries and lacks the founding, which is the first", "已应用 %s 条记录，却缺少第一条，即集群的建立"},
		{"the state of %s is in doubt: %s", "节点 %s 的状态存疑：%s"},
		{"after %d entries it differs from that of %s, and no majority says which is right", "在第 %s 条之后与 %s 的不同，且没有多数能判断哪个正确"},
		{"after %d entries it differs from that of %s, which are a majority", "在第 %s 条之后与 %s 的不同，而后者为多数"},
		{"the logs of %s and %s differ %s: one of the two lost or changed entries. The one that differs from most nodes is wrong: stop it, move its ledger's directory away and start it again", "%s 与 %s 的日志%s不同：其中之一丢失或改动了记录。与多数节点不同的一方有误：请停止它，移走其账本目录，再重新启动"},
		{"within the first %d entries", "在前 %s 条中"},
		{"from entry %d on", "自第 %s 条起"},
		// the ledger
		{"disk almost full: %d MB left, %d are kept free", "磁盘将满：剩余 %s MB，须保留 %s MB"},
		{"ledger stopped after a fault: %s", "账本因故障而停止：%s"},
		{"a snapshot has replaced the log: %s", "日志已由快照取代：%s"},
		{"it had entries up to %d, and the leader's snapshot ends at %d: start this node again", "原有记录至第 %s 条，主节点的快照至第 %s 条：请重新启动此节点"},
		{"the leader's log contradicts what this node has applied: %s", "主节点的日志与此节点已应用的记录相矛盾：%s"},
		{"the leader has another entry at log index %d, and this node has accepted them up to %d; a majority of the nodes lost entries, or this node was restored from a copy. Compare the nodes (weir operator status) before anything is removed: the nodes whose logs agree with each other and have what was acknowledged are right. If this one is wrong, move its ledger's directory away and start it again: everything is fetched from the others",
			"主节点在日志位置 %s 处的记录不同，而此节点已接受至 %s；可能是多数节点丢失了记录，也可能是此节点由副本恢复。删除任何内容之前，请先比较各节点（weir operator status）：日志彼此一致且含有已确认内容的节点是正确的。若此节点有误，请移走其账本目录并重新启动：全部内容会从其他节点取得"},
		{"this node does not vote: %s", "此节点不参与投票：%s"},
		{"it is being started", "正在启动"},
		{"the cluster's log does not name it as a voter", "集群的日志没有将其列为有投票权的节点"},
		{"it lost its ledger or a part of it, and has to catch up with a majority of the nodes that does not need it; log index %d is applied", "它丢失了账本或其一部分，须追上不依赖它即成多数的节点；已应用至日志位置 %s"},
	}
}

// chineseHarms are what a node advises where a part of its directory is damaged, in English as node/damage.go says it, and in
// Chinese.
func chineseHarms() [][2]string {
	return [][2]string{
		{"%s. In %s: %s. Lost is %s. What to do: %s", "%s。位置 %s：%s。损失：%s。处理办法：%s"},
		{"the disk is full", "磁盘已满"},
		{"nothing", "无"},
		{"free some space; the node goes on by itself when there is room, or is started again where its process ended", "请腾出空间；有空间后节点会自行继续，进程已结束的请重新启动"},
		{"it is damaged, or differs from that of the other nodes", "已损坏，或与其他节点的不同"},
		{"nothing: it follows from the log", "无：可由日志重建"},
		{"stop the node, move ledger/state away, start it: it is made again from the node's own snapshot and log", "停止节点，移走 ledger/state，再启动：它会由节点自己的快照和日志重建"},
		{"it is damaged", "已损坏"},
		{"nothing that a majority of the nodes had acknowledged", "多数节点已确认的内容无损失"},
		{"stop the node and start it: it cuts off what it can fetch again; if it does not start, with all other nodes up move ledger away, start it: everything is fetched from them", "停止节点再启动：它会截去可重新取得的部分；若不能启动，请在其他节点全部在线时移走 ledger，再启动：全部内容会从它们取得"},
		{"log, snapshots and state do not belong together", "日志、快照与状态互不匹配"},
		{"with all other nodes up, stop the node, move ledger away, start it: everything is fetched from them", "在其他节点全部在线时停止节点，移走 ledger，再启动：全部内容会从它们取得"},
		{"it cannot be opened or read", "无法打开或读取"},
		{"nothing that another node holds", "其他节点持有的内容无损失"},
		{"with the other nodes up, stop the node, move blobs away, start it: every blob is fetched from them", "在其他节点在线时停止节点，移走 blobs，再启动：所有数据块会从它们取得"},
		{"a secret does not open", "有机密无法打开"},
		{"that secret, such as the node's share of a publisher's key", "该机密，例如此节点持有的发布方密钥份额"},
		{"give the seal key that it was sealed under; if that was given, put a copy of the file back", "请提供封存时所用的封存密钥；若已提供，请放回该文件的副本"},
	}
}

// chineseHealth are what a client says of nodes, in English as node/client/faults.go and status.go say it, and in Chinese.
func chineseHealth() [][2]string {
	return [][2]string{
		{"node %s at %s gives no status: %s", "节点 %s（%s）没有给出状态：%s"},
		{"node %s cannot take work: %s", "节点 %s 不能工作：%s"},
		{"node %s, which leads, waits: %s", "主节点 %s 正在等待：%s"},
		{"node %s raises an alarm: %s", "节点 %s 报警：%s"},
		{"node %s has %d damaged blobs that wait for repair, and %d that no node has any more", "节点 %s 有 %s 个损坏的数据块待修复，%s 个已没有任何节点持有"},
		{"key %s of publisher %s: %s; have it shared anew: weir operator refresh", "发布方 %[2]s 的密钥 %[1]s：%[3]s；请更换份额：weir operator refresh"},
		{"it says that it is sealed, which it cannot prove before `weir node unseal` on its machine", "它自称已封存；在其机器上执行 `weir node unseal` 之前，无法证明"},
		{"ask the nodes how they are: %s", "询问各节点的状态：%s"},
		{"read the answer: %s", "读取应答：%s"},
	}
}
