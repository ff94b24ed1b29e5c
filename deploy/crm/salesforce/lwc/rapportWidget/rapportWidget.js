import { LightningElement, api, wire } from "lwc";
import { getFieldValue, getRecord } from "lightning/uiRecordApi";
import ACCOUNT_NUMBER from "@salesforce/schema/Account.AccountNumber";
import addressOf from "@salesforce/apex/RapportWidget.address";

// AccountNumber holds the id under which Rapport knows the customer; use recordId where that is Salesforce's own id.
export default class RapportWidget extends LightningElement {
  @api recordId;
  address;
  problem;

  @wire(getRecord, { recordId: "$recordId", fields: [ACCOUNT_NUMBER] })
  async show({ data }) {
    if (!data) return;
    try {
      this.address = await addressOf({ customerId: getFieldValue(data, ACCOUNT_NUMBER), language: "en" });
    } catch (error) {
      this.problem = error.body?.message ?? String(error);
    }
  }
}
