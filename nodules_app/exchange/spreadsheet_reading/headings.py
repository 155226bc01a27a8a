"""What clinics call their columns, English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from nodules_app.exchange.spreadsheet_reading.words import folded


class Field(StrEnum):
    """What a column of a list may say."""

    IDENTIFIER = "identifier"
    ISSUER = "issuer"
    NAME = "name"
    FAMILY_NAME = "family_name"
    GIVEN_NAME = "given_name"
    BIRTH_DATE = "birth_date"
    SEX = "sex"
    MOBILE = "mobile"
    PHONE = "phone"
    EMAIL = "email"
    ADDRESS = "address"
    NODULE = "nodule"
    LOBE = "lobe"
    SIZE = "size"
    SHORT_AXIS = "short_axis"
    ATTENUATION = "attenuation"
    MEASURED_ON = "measured_on"
    LAST_SCAN_ON = "last_scan_on"
    STEP = "step"
    DUE_ON = "due_on"
    OWNER = "owner"
    NOTE = "note"


DAYS: Final = (Field.BIRTH_DATE, Field.MEASURED_ON, Field.LAST_SCAN_ON, Field.DUE_ON)
CALLED: Final[Mapping[Field, str]] = {
    Field.IDENTIFIER: (
        "number|no|id|mrn|patient id|patient number|patient no|hospital number|hospital no|"
        "nhs number|urn|case number|chart number|record number|medical record number|pid|病案号|"
        "住院号|门诊号|登记号|患者编号|病人编号|患者id|病人id|编号|就诊号|就诊卡号|病历号|影像号|"
        "检查号"
    ),
    Field.ISSUER: (
        "issuer|issuer of the number|assigning authority|number issued by|hospital|site|发号机构|"
        "机构|医院|院区|编号机构"
    ),
    Field.NAME: "name|patient|patient name|full name|姓名|患者姓名|病人姓名|患者|名字",
    Field.FAMILY_NAME: "family name|last name|surname|姓|姓氏",
    Field.GIVEN_NAME: "given name|first name|forename|forenames|名",
    Field.BIRTH_DATE: (
        "born|birth date|date of birth|dob|birthday|birthdate|d o b|出生日期|生日|出生年月日|出生|出生年月"
    ),
    Field.SEX: "sex|gender|m f|性别",
    Field.MOBILE: "mobile|mobile phone|mobile number|cell|cell phone|手机|手机号|手机号码|移动电话",
    Field.PHONE: (
        "phone|telephone|tel|phone number|home phone|contact|contact number|电话|联系电话|固定电话|电话号码|联系方式"
    ),
    Field.EMAIL: "email|e mail|mail|email address|邮箱|电子邮箱|电子邮件",
    Field.ADDRESS: "address|home address|postal address|地址|住址|家庭住址|通讯地址|联系地址",
    Field.NODULE: (
        "nodule|nodule no|nodule number|nodule id|lesion|lesion no|label|结节|结节编号|结节号|病灶|病灶编号|结节序号"
    ),
    Field.LOBE: "lobe|location|site of nodule|position|where|肺叶|位置|部位|结节位置|所在肺叶|结节部位",
    Field.SIZE: (
        "size|diameter|mean diameter|long axis|longest diameter|max diameter|largest diameter|"
        "nodule size|大小|直径|平均直径|长径|最大径|最大直径|结节大小|长轴|结节直径"
    ),
    Field.SHORT_AXIS: "short axis|short diameter|shortest diameter|短径|短轴",
    Field.ATTENUATION: (
        "attenuation|density|type|nodule type|solidity|consistency|密度|性质|类型|结节性质|结节类型|结节密度"
    ),
    Field.MEASURED_ON: (
        "measured on|measured|date of measurement|measurement date|size on|date of size|测量日期|测量时间"
    ),
    Field.LAST_SCAN_ON: (
        "last scan|last ct|last ct date|date of ct|ct date|scan date|last scan date|date of scan|"
        "exam date|date of last ct|date of last scan|last imaging|末次检查|末次ct|最近ct|"
        "最近检查日期|检查日期|ct日期|末次检查日期|上次检查|上次ct日期|最近一次ct|末次ct日期"
    ),
    Field.STEP: (
        "next step|plan|next|action|follow up|followup|next exam|recommendation|management|下一步|"
        "计划|随访方式|处理|建议|随访计划|下一步计划|处理意见"
    ),
    Field.DUE_ON: (
        "due|due on|due date|next ct|next scan|next due|next appointment|follow up date|followup due|"
        "follow up due|next ct due|next scan due|date due|到期|到期日|到期日期|复查日期|下次复查|"
        "下次随访|随访日期|下次检查|下次复查日期|下次随访日期|应复查日期|复查时间"
    ),
    Field.OWNER: (
        "owner|responsible|coordinator|nurse|doctor|physician|consultant|in charge|负责人|责任人|"
        "医生|主管医生|护士|随访人|随访医生|责任护士"
    ),
    Field.NOTE: "note|notes|comment|comments|remark|remarks|备注|说明|注释|其他",
}
KNOWN: Final[Mapping[str, Field]] = {folded(name): field for field, said in CALLED.items() for name in said.split("|")}


def field_of(heading: str) -> Field | None:
    """What a heading says, with or without its unit or what stands in brackets; None where it says nothing known."""
    said = folded(heading)
    if said in KNOWN:
        return KNOWN[said]
    for bracket in "([（【":
        if bracket in heading:
            return KNOWN.get(folded(heading.split(bracket, maxsplit=1)[0]))
    for unit in (" mm", " cm"):
        if said.endswith(unit):
            return KNOWN.get(said.removesuffix(unit))
    return None
