package main

import api "journeys/tools/oapi-codegen/generated"

// graph returns a graph with nodes and conditions of many kinds.
func graph() api.Definition {
	var delay api.Delay
	must(delay.FromDelayInHours(api.DelayInHours{Value: 48, Unit: api.DelayInHoursUnitHours}))
	nodes := make([]api.Node, 7)
	must(nodes[0].FromEntryTriggerNode(api.EntryTriggerNode{
		Id: "start", AdditionalProperties: map[string]any{"position": map[string]any{"x": 0, "y": 0}},
	}))
	must(nodes[1].FromWaitNode(api.WaitNode{Id: "pause", Config: &api.WaitConfig{Delay: &delay}}))
	condition := condition()
	must(nodes[2].FromConditionSplitNode(api.ConditionSplitNode{Id: "split", Config: &api.ConditionSplitConfig{Condition: &condition}}))
	flow, fail := "next-best", api.OnErrorFail
	must(nodes[3].FromNbaDecisionNode(api.NbaDecisionNode{Id: "offer", Config: &api.NbaDecisionConfig{DecisionFlowId: &flow, OnError: &fail}}))
	channel, payload := "email", api.Payload{"text": "Thank you"}
	must(nodes[4].FromChannelActionNode(api.ChannelActionNode{Id: "thanks", Config: &api.ChannelActionConfig{Channel: &channel, Payload: &payload}}))
	for i, reason := range []string{"converted", "no_interest"} {
		must(nodes[5+i].FromExitNode(api.ExitNode{Id: reason, Config: &api.ExitConfig{Reason: &reason}}))
	}
	yes, no := "true", "false"
	edges := []api.Edge{
		{Source: "start", Target: "pause"},
		{Source: "pause", Target: "split"},
		{Source: "split", Target: "offer", SourceHandle: &yes},
		{Source: "split", Target: "no_interest", SourceHandle: &no},
		{Source: "offer", Target: "thanks"},
		{Source: "thanks", Target: "converted"},
	}
	return api.Definition{Nodes: &nodes, Edges: &edges}
}

// condition returns: more than five visits, a plan that is free or a trial, and no
// block in the last 30 days.
func condition() api.Condition {
	var five api.Ordered
	must(five.FromNumberValue(5))
	plans := make([]api.Scalar, 2)
	must(plans[0].FromTextValue("free"))
	must(plans[1].FromTextValue("trial"))
	var month api.Period
	must(month.FromPeriodInDays(api.PeriodInDays{Value: 30, Unit: api.PeriodInDaysUnitDays}))
	var blocked api.Condition
	must(blocked.FromPeriodTest(api.PeriodTest{Field: "blockedAt", Operator: api.PeriodOperatorWithinLast, Value: month}))

	all := make([]api.Condition, 3)
	must(all[0].FromOrderTest(api.OrderTest{Field: "visits", Operator: api.OrderOperatorGt, Value: five}))
	must(all[1].FromInTest(api.InTest{Field: "plan", Operator: api.InTestOperatorIn, Value: plans}))
	must(all[2].FromNotCondition(api.NotCondition{Not: blocked}))
	var whole api.Condition
	must(whole.FromAllCondition(api.AllCondition{All: all}))
	return whole
}
