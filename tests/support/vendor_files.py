"""Files as systems write them, for each preset, and the orders that they mean."""

# ruff: noqa: E501 - lines of files as systems write them

# For each preset: files, and the orders (customer, amount) that they mean; orders that do not count are left out.
SYSTEMS = {
    "hubspot": (
        {
            "company.csv": "id,is_deleted,property_name,property_createdate\n7,false,Acme,2023-01-05\n8,true,Old,2023-01-05",
            "deal.csv": "deal_id,is_deleted,deal_pipeline_stage_id,property_dealname,property_amount,property_closedate,"
            "property_createdate\n1,false,s1,D1,500,2024-02-01,2024-01-01\n2,false,s2,D2,900,2024-05-01,2024-01-02",
            "deal_company.csv": "company_id,deal_id,type_id\n7,1,5\n7,2,5",
            "deal_pipeline_stage.csv": "stage_id,label,is_closed,closed_won\ns1,Won,TRUE,TRUE\ns2,Talk,FALSE,FALSE",
            "engagement.csv": "id,type\n3,MEETING",
            "engagement_company.csv": "company_id,engagement_id,type_id\n7,3,2",
            "engagement_meeting.csv": "engagement_id,start_time,body\n3,2024-01-15 10:00:00,Hello",
        },
        [("7", 500.0)],
    ),
    "salesforce": (
        {
            "account.csv": "id,master_record_id,number_of_employees,name,is_deleted,created_date\nA,,5,Acme,false,2023-01-01",
            "opportunity.csv": "id,account_id,stage_name,is_won,is_closed,is_deleted,amount,close_date,created_date\n"
            "1,A,Closed Won,true,true,false,70,2024-01-05,2024-01-01\n2,A,Talk,false,false,false,80,2024-09-05,2024-01-01",
        },
        [("A", 70.0)],
    ),
    "shopify": (
        {
            "orders_export_1.csv": "Name,Email,Financial Status,Total,Created at,Lineitem quantity,Lineitem name\n"
            "#1,c@x.com,paid,40.00,2022-05-14 09:07:00 -0500,1,A\n#1,c@x.com,,,2022-05-14 09:07:00 -0500,1,B\n"
            "#2,d@x.com,voided,10.00,2022-05-15 09:07:00 -0500,1,A"
        },
        [("c@x.com", 40.0)],
    ),
    "stripe": (
        {
            "customer.csv": "id,created,description,is_deleted\nc1,2024-01-01,Acme,false",
            "charge.csv": "id,customer_id,amount,amount_refunded,balance_transaction_id,created,paid,status,description\n"
            "ch1,c1,5000,1000,t,2024-02-01 10:00:00,true,succeeded,x\nch2,c1,5000,0,t,2024-02-02 10:00:00,false,failed,x",
        },
        [("c1", 40.0)],
    ),
    "fxiaoke": (
        {
            "客户.csv": "客户名称,客户编号,成交状态,创建时间\n甲公司,KH1,已成交,2023-01-01 10:00",
            "销售订单.csv": '销售订单编号,客户名称,下单日期,销售订单金额(元),生命状态\n1,甲公司,2024-01-02 10:00,"1,200.00",正常\n'
            "2,甲公司,2024-01-03 10:00,5.00,作废",
        },
        [("甲公司", 1200.0)],
    ),
    "online_retail": (
        {
            "Online Retail.csv": "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
            "1,a,A,6,12/1/2010 8:26,4.25,17850.0,UK\nC2,a,A,-2,12/2/2010 8:26,4.25,17850.0,UK"
        },
        [("17850", 25.5), ("17850", -8.5)],
    ),
    "dynamics365": (
        {
            "Orders.csv": "(Do Not Modify) Order,Order ID,Customer,Total Amount,Status Reason,Created On\n"
            '0,ORD-1,Acme,"$1,200.00",Invoiced,05/16/2023 09:10 AM\n1,ORD-2,Acme,$5.00,Canceled,05/17/2023 09:10 AM'
        },
        [("Acme", 1200.0)],
    ),
    "woocommerce": (
        {
            "wc_order_stats.csv": "order_id,date_created,net_total,customer_id,status\n1,2024-01-01 10:00:00,12.5,3,wc-completed\n"
            "2,2024-01-02 10:00:00,9,3,wc-cancelled"
        },
        [("3", 12.5)],
    ),
    "taobao": (
        {
            "ExportOrderList.csv": "订单编号,买家会员名,买家实际支付金额,订单状态,订单创建时间,宝贝标题\n"
            "1,小王,88.00,交易成功,2024-01-01 10:00:00,杯\n2,小王,9.00,交易关闭,2024-01-02 10:00:00,杯"
        },
        [("小王", 88.0)],
    ),
    "youzan": (
        {
            "订单.csv": "订单号,买家姓名,买家手机号,订单实付金额,订单状态,买家付款时间\n"
            "E1,王,138,66.00,交易完成,2024-01-01 10:00:00\nE2,王,138,5.00,交易关闭,2024-01-02 10:00:00"
        },
        [("138", 66.0)],
    ),
    "kingdee": (
        {
            "销售订单.csv": "单据编号,日期,客户,价税合计,单据状态,物料名称\nX1,2024-01-01,甲,100.00,已审核,泵\n"
            "X2,2024-01-02,甲,9.00,创建,泵"
        },
        [("甲", 100.0)],
    ),
    "yonyou": (
        {"销售订单.csv": "订单号,订单日期,客户编码,存货编码,数量,价税合计\nS1,2024-01-01,K1,M1,2,100.00"},
        [("K1", 100.0)],
    ),
    "pipedrive": (
        {
            "organizations.csv": "Organization - ID,Organization - Name,Organization - Organization created\n7,Acme,2023-01-05 09:00:00",
            "deals.csv": "Deal - ID,Deal - Organization ID,Deal - Value,Deal - Status,Deal - Stage,Deal - Deal created,Deal - Won time,Deal - Lost time\n"
            "1,7,500,Won,Demo,2024-01-01 09:00:00,2024-02-01 09:00:00,\n2,7,90,Lost,Demo,2024-01-01 09:00:00,,2024-03-01 09:00:00",
        },
        [("7", 500.0)],
    ),
    "zoho": (
        {
            "Accounts_001.csv": "Record Id,Account Owner,Account Name,Created Time\nz7,Ann,Acme,2023-01-05 09:00:00",
            "Deals_001.csv": "Record Id,Amount,Deal Name,Closing Date,Account Name.id,Account Name,Stage,Created Time\n"
            "d1,500,D1,2024-02-01,z7,Acme,Closed Won,2024-01-01 09:00:00\nd2,90,D2,2024-05-01,z7,Acme,Proposal,2024-01-02 09:00:00",
        },
        [("z7", 500.0)],
    ),
    "recurly": (
        {
            "account_history.csv": "id,created_at,updated_at,state,username,company\nr1,2023-01-01 10:00:00,2023-01-01 10:00:00,active,u,\n"
            "r1,2023-01-01 10:00:00,2023-05-01 10:00:00,active,u,Acme",
            "subscription_history.csv": "id,created_at,updated_at,activated_at,canceled_at,expires_at,account_id,plan_id,state,remaining_billing_cycles,unit_amount\n"
            "s1,2023-01-01 10:00:00,2023-06-01 10:00:00,2023-01-01 10:00:00,2023-05-20 10:00:00,2023-06-01 10:00:00,r1,p,expired,,9",
            "transaction.csv": "id,created_at,collected_at,account_id,type,status,amount,payment_method_object,gateway_response_code\n"
            "t1,2023-02-01 10:00:00,2023-02-01 10:00:05,r1,purchase,success,99,card,1\nt2,2023-03-01 10:00:00,2023-03-01 10:00:05,r1,purchase,declined,99,card,2\n"
            "t3,2023-04-01 10:00:00,2023-04-01 10:00:05,r1,refund,success,20,card,1",
        },
        [("r1", 99.0), ("r1", -20.0)],
    ),
    "zuora": (
        {
            "account.csv": "id,account_number,bill_to_contact_id,sold_to_contact_id,created_date,name\nz1,A1,c,c,2023-01-01 10:00:00,Acme",
            "invoice.csv": "id,account_id,invoice_date,due_date,amount,amount_without_tax,status,created_date\n"
            "i1,z1,2023-02-01,2023-03-01,119,100,Posted,2023-02-01 10:00:00\ni2,z1,2023-03-01,2023-04-01,119,100,Draft,2023-03-01 10:00:00",
        },
        [("z1", 100.0)],
    ),
    "recharge": (
        {
            "customer.csv": "id,email,created_at,first_name,last_name\n9,a@x.com,2023-01-01 10:00:00,Al,Bo",
            "order.csv": "id,customer_id,charge_id,external_order_id_ecommerce,status,total_price,created_at,processed_at\n"
            "1,9,4,13,SUCCESS,14.45,2023-02-01 10:00:00,2023-02-01 10:00:00\n2,9,5,14,CANCELLED,9,2023-03-01 10:00:00,2023-03-01 10:00:00",
        },
        [("9", 14.45)],
    ),
    "quickbooks": (
        {
            "account.csv": "id,name,account_type,created_at\n1,Sales,Income,2020-01-01 10:00:00",
            "customer.csv": "id,display_name,company_name,fully_qualified_name,balance_with_jobs,print_on_check_name,created_at\n"
            "10,Acme,,Acme,0,Acme,2020-05-28 13:09:22",
            "invoice.csv": "id,customer_id,transaction_date,due_date,total_amount,balance,doc_number,sales_term_id,email_status,created_at,updated_at\n"
            "40,10,2021-01-19,2021-02-03,565,0,2021,6,EmailSent,2021-01-19 20:51:02,2021-01-25 20:51:02",
            "vendor.csv": "id,display_name,created_at\n5,Supplier,2020-01-01 10:00:00",
        },
        [("10", 565.0)],
    ),
    "xero": (
        {
            "account.csv": "account_id,code,name,type\na,200,Sales,REVENUE",
            "contact.csv": "contact_id,name\nc1,Acme",
            "invoice.csv": "invoice_id,contact_id,date,due_date,fully_paid_on_date,amount_due,line_amount_types,sub_total,total,status,type\n"
            "i1,c1,2020-04-21,2020-05-21,2020-05-01,0,Exclusive,47.99,57.59,PAID,ACCREC\ni2,c1,2020-04-22,2020-05-21,,9,Exclusive,9,9,AUTHORISED,ACCPAY",
        },
        [("c1", 47.99)],
    ),
    "netsuite": (
        {
            "customer.csv": "id,entityid,altname,companyname,datecreated,salesrep\n541,C-541,,Acme,2017-01-01 8:00:00,7",
            "transaction.csv": "id,type,trandate,entity,status,duedate,closedate,postingperiod\n1,CustInvc,2017-05-31 0:00:00,541,B,2017-06-30 0:00:00,,325\n"
            "2,VendBill,2017-05-31 0:00:00,541,A,,,325",
            "transaction_line.csv": "id,transaction,mainline,taxline,iscogs,netamount,item,quantity,uniquekey\n"
            "0,1,T,F,F,120,,,1\n1,1,F,F,F,-120,80,-2,2\n1,2,F,F,F,-5,80,1,3",
        },
        [("541", 120.0)],
    ),
    "intercom": (
        {
            "company_history.csv": "id,created_at,updated_at,name,_fivetran_active,_fivetran_start,_fivetran_end\n"
            "k1,2020-01-01 10:00:00,2020-02-01 10:00:00,Acme,true,2020-02-01 10:00:00,9999-12-31 00:00:00",
            "contact_company_history.csv": "company_id,contact_id,_fivetran_active,_fivetran_start,_fivetran_end\nk1,p1,true,2020-02-01 10:00:00,9999-12-31 00:00:00",
            "conversation_history.csv": "id,created_at,updated_at,state,source_author_id,first_contact_reply_created_at\nv1,2020-03-01 10:00:00,2020-03-02 10:00:00,closed,p1,2020-03-01 11:00:00",
            "conversation_contact_history.csv": "contact_id,conversation_id\np1,v1",
            "orders.csv": "customer_id,order_id,ordered_at,amount\nk1,1,2024-01-01,5",
        },
        [("k1", 5.0)],
    ),
    "klaviyo": (
        {
            "person.csv": "id,created,email,first_name,last_name,custom_consent,custom_source\nP1,2021-01-01 10:00:00,a@x.com,A,B,email,Form",
            "event.csv": "id,person_id,metric_id,flow_message_id,datetime,type,property_value\n"
            "e1,P1,m,f,2021-02-01 10:00:00,Opened Email,\ne2,P1,m,,2021-02-02 10:00:00,Placed Order,5",
            "flow.csv": "id,name,status,created,customer_filter\nf1,Welcome,live,2021-01-01 10:00:00,x",
        },
        [("P1", 5.0)],
    ),
    "amazon_seller": (
        {
            "orders.txt": "amazon-order-id\tpurchase-date\torder-status\tship-service-level\tbuyer-email\tsku\tquantity\titem-price\n"
            "111-1\t2024-01-01T10:00:00+00:00\tShipped\tStandard\tb@m.com\tS1\t2\t40.00\n111-2\t2024-01-02T10:00:00+00:00\tCancelled\tStandard\tb@m.com\tS1\t1\t20.00"
        },
        [("b@m.com", 40.0)],
    ),
    "pendo": (
        {
            "account_history.csv": "id,last_updated_at,agent_creationdate,agent_name,first_visit\nacc1,2021-07-28 04:49:01,2021-07-27 18:27:12,Acme,2021-07-27 18:27:45",
            "feature_event.csv": "account_id,visitor_id,feature_id,timestamp,num_events,num_minutes\nacc1,v1,f1,2021-07-28 11:00:00,3,1",
            "orders.csv": "customer_id,order_id,ordered_at,amount\nacc1,1,2024-01-01,5",
        },
        [("acc1", 5.0)],
    ),
    "zendesk": (
        {
            "ticket.csv": "id,requester_id,organization_id,assignee_id,created_at,updated_at,status,type\n"
            "1,5,77,9,2024-01-01 10:00:00,2024-01-02 10:00:00,solved,problem",
            "orders.csv": "customer_id,order_id,ordered_at,amount\n77,1,2024-01-01,5",
        },
        [("77", 5.0)],
    ),
}


# Raw tables under the names of Airbyte, and exports whose tables meet only in one column.
CONNECTORS = {
    "hubspot": (
        {
            "companies.csv": "id,archived,properties_name,properties_createdate\n7,false,Acme,2023-01-05",
            "deals.csv": "id,archived,companies,properties_dealname,properties_dealstage,properties_amount,"
            "properties_createdate,properties_closedate,properties_hs_is_closed,properties_hs_is_closed_won\n"
            '1,false,"[""7"", ""9""]",D1,won,500,2024-01-01,2024-02-01,true,true\n2,false,"[""7""]",D2,talk,90,2024-01-02,2024-09-01,false,false',
        },
        [("7", 500.0)],
    ),
    "stripe": (
        {
            "customers.csv": "id,object,created,name,is_deleted\nc1,customer,1704067200,Acme,false",
            "charges.csv": "id,amount,amount_refunded,balance_transaction,created,customer,paid,status,description\n"
            "ch1,5000,1000,t1,1706745600,c1,true,succeeded,x\nch2,5000,0,t2,1706832000,c1,false,failed,x",
        },
        [("c1", 40.0)],
    ),
    "shopify": (
        {
            "customers_export.csv": "Customer ID,First Name,Last Name,Email,Country\n981,Al,Bo,c@x.com,FR",
            "orders_export.csv": "Name,Email,Financial Status,Total,Created at,Lineitem quantity,Lineitem name\n"
            "#1,c@x.com,paid,40.00,2022-05-14 09:07:00 -0500,1,A",
        },
        [("c@x.com", 40.0)],
    ),
}
