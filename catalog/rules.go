package catalog

// ruleOf is the table of acts: who may send which kind, and what applies it. A
// kind that is not here is refused; KindInit is not, because a cluster is
// founded once, by its first entry.
func ruleOf(k Kind) (rule, bool) {
	operator, publisher, buyer := []Role{RoleOperator}, []Role{RolePublisher}, []Role{RoleBuyer}
	asker := []Role{RoleBuyer, RolePublisher}
	switch k {
	case KindPrincipalAdd:
		return rule{roles: operator, handle: handler(addPrincipal)}, true
	case KindRegistryCreate:
		return rule{roles: publisher, handle: handler(createRegistry)}, true
	case KindRegistryRows:
		return rule{roles: publisher, handle: handler(addRows)}, true
	case KindRegistryCommit:
		return rule{roles: publisher, handle: handler(commitRegistry)}, true
	case KindDatasetCreate:
		return rule{roles: publisher, handle: handler(createDataset)}, true
	case KindVersionPropose:
		return rule{roles: publisher, handle: handler(proposeVersion)}, true
	case KindVersionCounts:
		return rule{roles: publisher, handle: handler(addCounts)}, true
	case KindVersionSets:
		return rule{roles: publisher, handle: handler(addSets)}, true
	case KindVersionCommit:
		return rule{roles: publisher, handle: handler(commitVersion)}, true
	case KindVersionDrop:
		return rule{roles: publisher, handle: handler(dropVersion)}, true
	case KindOrderCreate:
		return rule{roles: buyer, handle: handler(createOrder)}, true
	case KindOrderApprove:
		return rule{roles: publisher, handle: handler(approveOrder)}, true
	case KindOrderRefuse:
		return rule{roles: publisher, handle: handler(refuseOrder)}, true
	case KindContractSuspend:
		return rule{roles: publisher, handle: handler(suspendContract)}, true
	case KindContractResume:
		return rule{roles: publisher, handle: handler(resumeContract)}, true
	case KindContractRevoke:
		return rule{roles: publisher, handle: handler(revokeContract)}, true
	case KindQuerySubmit:
		return rule{roles: asker, handle: handler(submitQuery)}, true
	case KindVectorRegister:
		return rule{roles: asker, handle: handler(registerVector)}, true
	case KindVectorDrop:
		return rule{roles: asker, handle: handler(dropVector)}, true
	}
	return nodeRuleOf(k)
}

func nodeRuleOf(k Kind) (rule, bool) {
	switch k {
	case KindKeyStart:
		return rule{node: true, handle: handler(startKey)}, true
	case KindKeyCommit:
		return rule{node: true, handle: handler(commitKey)}, true
	case KindKeyAck:
		return rule{node: true, handle: handler(ackKey)}, true
	case KindKeyTested:
		return rule{node: true, handle: handler(testedKey)}, true
	case KindKeySign:
		return rule{node: true, handle: handler(signKey)}, true
	case KindKeyFail:
		return rule{node: true, handle: handler(failKey)}, true
	case KindVersionAck:
		return rule{node: true, handle: handler(ackVersion)}, true
	case KindVersionAttempt:
		return rule{node: true, handle: handler(attemptVersion)}, true
	case KindVersionParity:
		return rule{node: true, handle: handler(addParity)}, true
	case KindVersionFail:
		return rule{node: true, handle: handler(failVersion)}, true
	case KindQueryAttempt:
		return rule{node: true, handle: handler(attemptQuery)}, true
	case KindQueryShare:
		return rule{node: true, handle: handler(addShare)}, true
	case KindQueryFail:
		return rule{node: true, handle: handler(failQuery)}, true
	case KindCohortFailed:
		return rule{node: true, handle: handler(failCohort)}, true
	case KindVectorHold:
		return rule{node: true, handle: handler(holdVector)}, true
	case KindVectorLine:
		return rule{node: true, handle: handler(lineVector)}, true
	case KindVectorAttempt:
		return rule{node: true, handle: handler(attemptVector)}, true
	case KindVectorBits:
		return rule{node: true, handle: handler(addBits)}, true
	case KindVectorFail:
		return rule{node: true, handle: handler(failVector)}, true
	}
	return rule{}, false
}
