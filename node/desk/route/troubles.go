package route

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/client"
)

// Plain is why something cannot be reached, read or written, in a plain sentence, where an error is one of the common ones of
// networks, certificates and disks; "": it is none of them. Errors of libraries name calls and addresses, and say what is the
// matter at their end, in words that only programmers know.
func Plain(text string) string {
	for _, t := range troubles() {
		if strings.Contains(text, t.raw) {
			return t.english
		}
	}
	return ""
}

// trouble is what an error has in it, and what that says to a person.
type trouble struct{ raw, english, chinese string }

// troubles are looked for in this order: of two that an error has, the first one says more.
var troubles = sync.OnceValue(func() []trouble {
	return []trouble{
		{"not what the profile pins", "who answers at its address is not the node that the profile names", "该地址上的应答者不是配置文件所载的节点"},
		{"no such host", "its address cannot be found: the name is not known", "找不到该地址：域名无法解析"},
		{"server misbehaving", "its address cannot be found: the name service fails", "找不到该地址：域名服务出错"},
		{"Temporary failure in name resolution", "its address cannot be found: the name service fails", "找不到该地址：域名服务出错"},
		{"connection refused", "nothing listens at its address: its program does not run, or a firewall refuses", "该地址无程序监听：节点程序未运行，或被防火墙拒绝"},
		{"no route to host", "no way leads to its machine: the network, or the machine, is down", "无法到达该机器：网络中断或机器未开机"},
		{"network is unreachable", "this machine has no network", "本机没有可用的网络"},
		{"connection reset", "it ended the connection", "对方中断了连接"},
		{"broken pipe", "it ended the connection", "对方中断了连接"},
		{"server closed idle connection", "it ended the connection", "对方中断了连接"},
		{"certificate has expired or is not yet valid", "its certificate is not valid now: look at the clocks of both machines", "其证书不在有效期内：请检查两台机器的时钟"},
		{"certificate is valid for", "its certificate is of another name", "其证书属于其他名称"},
		{"x509: ", "its certificate is none that this machine trusts", "其证书不为本机所信任"},
		{"server gave HTTP response to HTTPS client", "something else listens at its address, without TLS", "该地址上是其他程序，不使用 TLS"},
		{"tls: ", "TLS with it fails: something else may listen at its address", "与其建立 TLS 连接失败：该地址上可能是其他程序"},
		{"malformed HTTP", "something else listens at its address", "该地址上是其他程序"},
		{"it does not answer", "it takes connections, and does not answer", "能够连接，但没有应答"},
		{"i/o timeout", "it did not answer in time", "没有及时应答"},
		{"Client.Timeout exceeded", "it did not answer in time", "没有及时应答"},
		{"TLS handshake timeout", "it did not answer in time", "没有及时应答"},
		{"connection timed out", "it did not answer in time", "没有及时应答"},
		{"context deadline exceeded", "it did not answer in time", "没有及时应答"},
		{"context canceled", "it was given up", "已放弃"},
		{"unexpected EOF", "it ended the connection", "对方中断了连接"},
		{"EOF", "it ended the connection", "对方中断了连接"},
		{"no space left on device", "the disk is full", "磁盘已满"},
		{"permission denied", "this is not permitted to the program", "程序没有相应权限"},
		{"read-only file system", "the disk cannot be written to", "磁盘只读"},
		{"input/output error", "the disk has a fault", "磁盘出现故障"},
		{"no such file or directory", "the file is not there", "文件不存在"},
	}
})

// otherwise is in Chinese what no table has: which nodes do not answer, a word of the program's own, a sentence of a code, or a
// plain one of the network's, with what the network says itself behind it.
func otherwise(text string) string {
	if nodes, is := strings.CutPrefix(text, noNode); is {
		return awayInChinese(nodes)
	}
	if said := explain.Chinese.Own(explain.Chinese.Retold(text)); said != text {
		return said
	}
	plain := Plain(text)
	for _, row := range chineseTroubles() {
		if row[0] == plain {
			return row[1] + "（" + text + "）"
		}
	}
	return text
}

// noNode begins what client.UnreachableError says.
const noNode = "no node answers: "

// plainly is an error in plain sentences, where no node could be reached.
func plainly(err error) string {
	away, is := errors.AsType[*client.UnreachableError](err)
	if !is {
		return err.Error()
	}
	plain := client.UnreachableError{Nodes: slices.Clone(away.Nodes)}
	for i, n := range plain.Nodes {
		if said := Plain(n.Err.Error()); said != "" {
			plain.Nodes[i].Err = errors.New(said)
		}
	}
	return strings.Replace(err.Error(), away.Error(), plain.Error(), 1)
}

// eachAway finds the nodes in what client.UnreachableError says.
var eachAway = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:^|; )([\w-]+) at (\S+): `) })

// awayInChinese says which nodes do not answer, and why.
func awayInChinese(nodes string) string {
	found := eachAway().FindAllStringSubmatchIndex(nodes, -1)
	if found == nil {
		return "没有节点应答：" + nodes
	}
	out := make([]string, len(found))
	for i, at := range found {
		end := len(nodes)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		why := nodes[at[1]:end]
		for _, t := range troubles() {
			if t.english == cmp.Or(Plain(why), why) {
				why = t.chinese
				break
			}
		}
		out[i] = nodes[at[2]:at[3]] + "（" + nodes[at[4]:at[5]] + "）" + why
	}
	return "没有节点应答：" + strings.Join(out, "；")
}

// chineseTroubles are the plain sentences in English and in Chinese.
func chineseTroubles() (out [][2]string) {
	for _, t := range troubles() {
		if row := [2]string{t.english, t.chinese}; !slices.Contains(out, row) {
			out = append(out, row)
		}
	}
	return out
}
