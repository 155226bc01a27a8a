"""Every management code with its class and its text in English and Chinese.

The texts are what pages, letters and the command line print; the class decides whether a window goes with it
and how urgent the answer is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class ManagementClass(StrEnum):
    """What kind of step a management is."""

    NO_FOLLOW_UP = "N"
    DATED = "D"  # has a window
    WORK_UP = "W"  # now; no window
    NOT_EVALUATED = "X"  # the guideline gives no step; no window


@dataclass(frozen=True, slots=True)
class Management:
    """One management: its code, its class, its text."""

    code: str
    kind: ManagementClass
    en: str
    zh: str


_ROWS: Final = (
    ("not_applicable", "X", "This guideline does not apply to this case.", "该指南不适用于本病例。"),
    ("not_supported", "X", "This guideline is not implemented.", "该指南尚未实现。"),
    ("measurement_needed", "X", "A measurement needed by this guideline is missing.", "缺少该指南所需的测量值。"),
    ("no_routine_followup", "N", "No routine follow-up imaging.", "无需常规影像随访。"),
    ("mass_workup", "W", "Larger than 30 mm: assess as a mass now.", "大于30 mm,按肿块立即评估。"),
    (
        "growth_workup",
        "W",
        "Growth: work-up now (PET/CT, tissue sampling or resection).",
        "结节增大:立即进一步检查(PET/CT、活检或切除)。",
    ),
    ("optional_ct_12m", "D", "Optional CT at 12 months.", "可选择12个月后复查CT。"),
    (
        "ct_6_12m_then_consider_18_24m",
        "D",
        "CT at 6-12 months, then consider CT at 18-24 months.",
        "6-12个月复查CT,之后可考虑18-24个月复查CT。",
    ),
    (
        "ct_6_12m_then_18_24m",
        "D",
        "CT at 6-12 months, then CT at 18-24 months.",
        "6-12个月复查CT,之后18-24个月复查CT。",
    ),
    (
        "consider_ct_3m_pet_or_biopsy",
        "D",
        "Consider CT at 3 months, PET/CT or tissue sampling.",
        "考虑3个月复查CT、PET/CT或组织取样。",
    ),
    (
        "ct_3_6m_then_consider_18_24m",
        "D",
        "CT at 3-6 months, then consider CT at 18-24 months.",
        "3-6个月复查CT,之后可考虑18-24个月复查CT。",
    ),
    ("ct_3_6m_then_18_24m", "D", "CT at 3-6 months, then CT at 18-24 months.", "3-6个月复查CT,之后18-24个月复查CT。"),
    ("consider_ct_18_24m", "D", "Consider CT at 18-24 months from baseline.", "可考虑自基线起18-24个月复查CT。"),
    ("ct_18_24m", "D", "CT at 18-24 months from baseline.", "自基线起18-24个月复查CT。"),
    ("ct_9_12m", "D", "CT at 9-12 months from baseline.", "自基线起9-12个月复查CT。"),
    (
        "ct_6_12m_then_every_2y_to_5y",
        "D",
        "CT at 6-12 months to confirm persistence, then every 2 years until 5 years.",
        "6-12个月复查CT确认是否持续存在,之后每2年复查至满5年。",
    ),
    ("ct_every_2y_to_5y", "D", "CT every 2 years until 5 years from baseline.", "每2年复查CT,至基线后5年。"),
    (
        "ct_3_6m_then_annual_5y",
        "D",
        "CT at 3-6 months to confirm persistence, then yearly for 5 years.",
        "3-6个月复查CT确认是否持续存在,之后每年复查共5年。",
    ),
    ("annual_ct_to_5y", "D", "CT every year until 5 years from baseline.", "每年复查CT,至基线后5年。"),
    (
        "ct_3_6m_then_pet_biopsy_if_persistent",
        "D",
        "CT at 3-6 months; if it persists, PET/CT, biopsy or resection.",
        "3-6个月复查CT;若持续存在,行PET/CT、活检或切除。",
    ),
    ("pet_biopsy_or_resection", "W", "PET/CT, biopsy or resection.", "行PET/CT、活检或手术切除。"),
    (
        "ct_3_6m_then_consider_2y_4y",
        "D",
        "CT at 3-6 months; if stable consider CT at 2 and 4 years.",
        "3-6个月复查CT;若稳定,考虑第2年和第4年复查。",
    ),
    ("consider_ct_24m_48m", "D", "Consider CT at 2 and 4 years from baseline.", "可考虑自基线起第2年和第4年复查CT。"),
    (
        "ct_3_6m_then_most_suspicious",
        "D",
        "CT at 3-6 months, then manage by the most suspicious nodule.",
        "3-6个月复查CT,之后按最可疑结节处理。",
    ),
    ("complete_chest_ct_3_12m", "D", "Complete chest CT in 3-12 months.", "3-12个月内行完整胸部CT。"),
    ("complete_chest_ct_now", "W", "Complete chest CT now.", "立即行完整胸部CT。"),
    ("lr_prior_comparison", "X", "Compare with the earlier CT first.", "先与既往CT比较。"),
    ("lr_additional_images", "X", "Additional screening CT images are needed.", "需补充筛查CT图像。"),
    (
        "lr_ldct_1_3m",
        "D",
        "LDCT in 1-3 months (possible infection or inflammation).",
        "1-3个月复查低剂量CT(疑似感染或炎症)。",
    ),
    ("lr_annual_ldct_12m", "D", "Continue yearly LDCT screening in 12 months.", "12个月后继续年度低剂量CT筛查。"),
    ("lr_ldct_6m", "D", "LDCT in 6 months.", "6个月复查低剂量CT。"),
    ("lr_ldct_3m", "D", "LDCT in 3 months.", "3个月复查低剂量CT。"),
    (
        "lr_ldct_3m_or_pet",
        "D",
        "LDCT in 3 months; PET/CT may be considered (solid part >= 8 mm).",
        "3个月复查低剂量CT;实性成分≥8 mm时可考虑PET/CT。",
    ),
    ("lr_diagnostic_workup", "W", "Refer for diagnostic work-up now.", "立即转诊行诊断性检查。"),
    ("bts_discharge", "N", "Discharge from nodule follow-up.", "结束结节随访。"),
    ("bts_ct_3m", "D", "CT at 3 months.", "3个月复查CT。"),
    ("bts_ct_12m", "D", "CT at 1 year from baseline.", "自基线起1年复查CT。"),
    ("bts_ct_24m", "D", "CT at 2 years from baseline (diameter follow-up).", "自基线起2年复查CT(按直径随访)。"),
    ("bts_pet_ct", "W", "PET-CT, then reassess with the Herder model.", "行PET-CT,之后用Herder模型再评估。"),
    ("bts_risk_assessment_needed", "W", "Estimate the risk (Brock) before deciding.", "需先评估风险(Brock)再决定。"),
    (
        "bts_image_guided_biopsy",
        "W",
        "Consider image-guided biopsy; alternatives are excision biopsy or surveillance.",
        "考虑影像引导下活检;也可切除活检或随访。",
    ),
    ("bts_resection", "W", "Offer resection (or non-surgical treatment).", "建议手术切除(或非手术治疗)。"),
    ("bts_workup", "W", "Further diagnostic work-up now.", "立即进一步诊断检查。"),
    ("bts_biopsy_or_annual_ct", "D", "Consider biopsy or yearly CT, by preference.", "根据意愿考虑活检或每年复查CT。"),
    ("bts_discharge_or_annual_ct", "D", "Consider discharge or ongoing yearly CT.", "考虑结束随访或继续每年复查CT。"),
    ("bts_favour_resection", "W", "Favour resection or non-surgical treatment.", "倾向手术切除或非手术治疗。"),
    (
        "bts_ggn_growth_resect_or_ct_6m",
        "D",
        "Consider resection, or CT within 6 months at most.",
        "考虑切除,或最迟6个月内复查CT。",
    ),
    (
        "bts_subsolid_ct_1_2_4y",
        "D",
        "CT at 1, 2 and 4 years from baseline (next one given).",
        "自基线起第1、2、4年复查CT(给出下一次)。",
    ),
    (
        "bts_discuss_observation_biopsy_resection",
        "W",
        "Discuss observation, biopsy or resection.",
        "讨论观察、活检或切除。",
    ),
    ("ct_12m", "D", "CT at 12 months; none after if unchanged.", "12个月复查CT,无变化则不再随访。"),
    ("ct_3_6m_then_9_12m_then_24m", "D", "CT at 3-6, 9-12 and 24 months.", "3-6、9-12和24个月复查CT。"),
    ("ct_3_6m_then_9_12m_then_18_24m", "D", "CT at 3-6, 9-12 and 18-24 months.", "3-6、9-12和18-24个月复查CT。"),
    ("accp_pet", "W", "Functional imaging, preferably PET.", "行功能成像,首选PET。"),
    ("accp_surgical_diagnosis", "W", "Surgical diagnosis suggested.", "建议手术诊断。"),
    ("accp_estimate_probability", "W", "Estimate the pretest probability before deciding.", "需先估计恶性概率再决定。"),
    ("annual_ct_3y", "D", "Yearly CT for at least 3 years.", "每年复查CT至少3年。"),
    (
        "ct_3m_then_biopsy_resection",
        "D",
        "CT at 3 months; if it persists, biopsy or resection.",
        "3个月复查CT;若持续存在,活检或切除。",
    ),
    (
        "ct_3_12_24m_then_annual_1_3y",
        "D",
        "CT at 3, 12 and 24 months, then yearly for 1-3 years.",
        "3、12、24个月复查CT,之后每年复查1-3年。",
    ),
    (
        "ct_3m_then_pet_biopsy_resection",
        "D",
        "CT at 3 months; if it persists, PET, biopsy or resection.",
        "3个月复查CT;若持续存在,PET、活检或切除。",
    ),
    ("ct_6m_then_annual", "D", "CT at 6 months, then yearly.", "6个月复查CT,之后每年复查。"),
    ("ct_3m_then_annual", "D", "CT at 3 months, then yearly.", "3个月复查CT,之后每年复查。"),
    (
        "ct_3_6_12_24m_then_annual",
        "D",
        "CT at 3, 6, 12 and 24 months, then yearly.",
        "3、6、12、24个月复查CT,之后每年复查。",
    ),
    ("nelson_annual", "D", "Next yearly screening CT.", "下一次年度筛查CT。"),
    ("nelson_ct_3m", "D", "CT at 3 months for growth.", "3个月复查CT评估生长。"),
    ("nelson_refer", "W", "Refer for work-up now.", "立即转诊检查。"),
    ("eups_annual", "D", "Next yearly screening CT.", "下一次年度筛查CT。"),
    ("eups_ct_3m", "D", "CT at 3 months for growth.", "3个月复查CT评估生长。"),
    ("eups_mdt", "W", "Multidisciplinary team now.", "立即提交多学科讨论。"),
)

MANAGEMENT: Final[Mapping[str, Management]] = MappingProxyType(
    {code: Management(code, ManagementClass(kind), en, zh) for code, kind, en, zh in _ROWS}
)
