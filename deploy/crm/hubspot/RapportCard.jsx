import React, { useState } from "react";
import { Button, Text, hubspot } from "@hubspot/ui-extensions";

// The relay (../widget_relay.py), listed in permittedUrls.fetch of the app; customer_number is the company property that
// holds the id under which Rapport knows the customer.
const RELAY = "https://relay.example.com/widget";

hubspot.extend(({ actions }) => <RapportCard actions={actions} />);

const RapportCard = ({ actions }) => {
  const [problem, setProblem] = useState("");
  const open = async () => {
    const { customer_number: customerId } = await actions.fetchCrmObjectProperties(["customer_number"]);
    const reply = await hubspot.fetch(RELAY, { method: "POST", body: { customer_id: customerId, language: "en" } });
    const answer = await reply.json();
    if (!reply.ok) { setProblem(answer.error); return; }
    actions.openIframeModal({ uri: answer.url, title: "Rapport", width: 560, height: 520 });
  };
  return problem ? <Text>{problem}</Text> : <Button onClick={open}>Rapport</Button>;
};
