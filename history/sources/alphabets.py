"""What languages are written with: the letters beyond ASCII of each, and characters that every long text has."""

from collections.abc import Mapping

LANGUAGES: Mapping[str, str] = {
    "German": "äöüß",
    "French": "àâæçéèêëîïôœùûüÿ",
    "Spanish": "áéíóúüñ",
    "Portuguese": "áâãàçéêíóôõú",
    "Italian": "àèéìîòóù",
    "Dutch": "éèëïóöü",
    "Swedish and Finnish": "åäöé",
    "Danish and Norwegian": "æøåé",
    "Icelandic": "áæéðíóöúþý",
    "Polish": "ąćęłńóśźż",
    "Czech and Slovak": "áäčďéěíľňóôřšťúůýž",
    "Hungarian": "áéíóöőúüű",
    "Romanian": "ăâîşșţț",
    "Croatian and Slovene": "čćđšž",
    "Turkish": "âçğıİîöşüû",
    "Russian and Ukrainian": "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґ",
    "Greek": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",
}

# The letters that make up more than half of any text.
FREQUENT_LETTERS: Mapping[str, str] = {
    "Russian and Ukrainian": "оеаинтсрвлкмдпуі",
    "Greek": "αοιετσνηυρπκμλάόίέή",
}

# The customers of a company may have names from several countries.
REGIONS: Mapping[str, str] = {
    "Western Europe": "".join(
        LANGUAGES[each]
        for each in (
            *("German", "French", "Spanish", "Portuguese", "Italian", "Dutch"),
            *("Swedish and Finnish", "Danish and Norwegian", "Icelandic"),
        )
    ),
    "Central Europe": "".join(
        LANGUAGES[each]
        for each in ("German", "Polish", "Czech and Slovak", "Hungarian", "Romanian", "Croatian and Slovene")
    ),
}

COMMON_CHARACTERS: Mapping[str, frozenset[str]] = {
    "zh-Hans": frozenset(
        "的一是不了在人有我他这中大来上个国到们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然"
        "没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进法此实回二理"
        "客户名称编号公司有限单订金额期产品数量联系负责电话地址省市区业务销售合同状态备注时间类型来源级别付款交易商品价格甲乙丙丁"
        "北京海深圳广州江浙山东四川湖南河福建科技集团股份贸易机械电子信息服务工程材料医药食品王李张刘陈杨赵黄周吴拜访完成已确认"
    ),
    "zh-Hant": frozenset(
        "的一是不了在人有我他這中大來上個國到們為子和你地出道也時年得就那要下以生會自著去之過家學對可她里後小麼心多天而能好都然"
        "沒日於起還發成事只作當想看文無開手十用主行方又如前所本見經頭面公同三已老從動兩長知民樣現分將外但身些與高意進法此實回二理"
        "客戶名稱編號公司有限單訂金額期產品數量聯絡負責電話地址縣市區業務銷售合約狀態備註時間類型來源級別付款交易商品價格"
        "台北新竹高雄香港澳門科技集團股份貿易機械電子資訊服務工程材料醫藥食品王李張劉陳楊趙黃周吳拜訪完成已確認"
    ),
    "ja": frozenset(
        "あいうえおかきくけこさしすせそたちつてとなにのはまもやよらりるれをんアイウエオカキクケコサシスタテトナニノハマムメラリルレロワンー"
    ),
    "ko": frozenset(
        "이다의에사주식회고객가나는을를은도로한하기서지자명번호금액일주문상품수량담당전화서울부산대구인천경기시구동리정보기술전자산업김박최"
    ),
}
