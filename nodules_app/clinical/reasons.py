"""Why an answer is what it is: a code with its facts, written out in English or Chinese.

Answers carry codes and facts, never sentences, so that a stored answer can be read in either language and a page
can show the facts its own way.
"""

# ruff: noqa: E501 - one sentence in two languages is one line here

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

Language = Literal["en", "zh"]


class Reason(NamedTuple):
    """One fact that was used."""

    code: str
    facts: Mapping[str, object] = MappingProxyType({})


def because(code: str, **facts: object) -> Reason:
    """A reason; its facts are named in the sentences below."""
    return Reason(code, facts)


SENTENCES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "no_nodule": ("No nodule is present at this exam.", "本次检查未见结节。"),
        "all_resolved": ("All earlier nodules have resolved.", "既往结节均已消失。"),
        "setting": ("The CT was made for: {setting}.", "CT检查目的:{setting}。"),
        "age_below": ("Age {age} is below {limit}.", "年龄{age}岁,低于{limit}岁。"),
        "age_unknown": ("The age is not known; the guideline is read as if it applied.", "年龄未知,按适用处理。"),
        "known_cancer": ("A primary cancer is known.", "已知原发恶性肿瘤。"),
        "immunosuppressed": ("The patient is immunosuppressed.", "患者免疫抑制。"),
        "mass": ("{size_mm} mm, reported {rounded_mm}: larger than 30 mm.", "{size_mm} mm,报告值{rounded_mm}:大于30 mm。"),
        "proven": ("The nodule is proven malignant.", "结节已证实为恶性。"),
        "benign": ("Benign calcification or fat.", "良性钙化或含脂肪。"),
        "perifissural": ("Typical perifissural or subpleural nodule: {shape}, smooth.", "典型叶间裂或胸膜下结节:{shape},边缘光滑。"),
        "perifissural_void": ("Perifissural, but a cancer history makes that rule void.", "位于叶间裂旁,但有肿瘤病史,该规则不适用。"),
        "unmeasured": ("No size is given that this guideline can use.", "未提供该指南可用的尺寸。"),
        "family": ("{count} {family} nodule(s) count.", "{family}结节计{count}个。"),
        "mean_rounded": ("Mean diameter {size_mm} mm, rounded {rounded_mm}: class {size_class}.", "平均直径{size_mm} mm,四舍五入{rounded_mm}:{size_class}级。"),
        "mean_reported": ("Mean diameter {size_mm} mm, reported {rounded_mm}.", "平均直径{size_mm} mm,报告值{rounded_mm}。"),
        "mean_raw": ("Mean diameter {size_mm} mm, not rounded.", "平均直径{size_mm} mm,不取整。"),
        "largest_raw": ("Largest diameter {size_mm} mm.", "最大径{size_mm} mm。"),
        "volume": ("Volume {volume_mm3} mm3.", "体积{volume_mm3} mm³。"),
        "volume_class": ("Volume {volume_mm3} mm3: class {size_class}.", "体积{volume_mm3} mm³:{size_class}级。"),
        "solid_rounded": ("Solid component {size_mm} mm, rounded {rounded_mm}.", "实性成分{size_mm} mm,四舍五入{rounded_mm}。"),
        "solid_reported": ("Solid component {size_mm} mm, reported {rounded_mm}.", "实性成分{size_mm} mm,报告值{rounded_mm}。"),
        "solid_volume": ("Solid component {volume_mm3} mm3.", "实性成分{volume_mm3} mm³。"),
        "solid_unknown": ("The solid component is not measured.", "实性成分未测量。"),
        "short_axis_size": ("Pleural-based: short axis {size_mm} mm.", "胸膜附着:短径{size_mm} mm。"),
        "largest_in_family": ("The class of the family is {size_class}.", "该组最大级别为{size_class}。"),
        "risk": ("Risk {risk}.", "风险{risk}。"),
        "risk_override": ("Risk {risk} by the clinician.", "临床医生判定风险{risk}。"),
        "risk_major": ("High risk: {factor}.", "高风险因素:{factor}。"),
        "risk_minor": ("Weaker risk factor: {factor}.", "次要风险因素:{factor}。"),
        "risk_unknown": ("Smoking status is not known: risk read as high.", "吸烟状态未知:按高风险处理。"),
        "suspicious_part_solid": ("Lobulated margin or cystic components in a part-solid nodule.", "部分实性结节边缘分叶或含囊性成分。"),
        "partial": ("The exam shows only part of the chest.", "检查仅覆盖部分胸部。"),
        "stable_for": ("No growth over {months} whole months.", "{months}个整月内无增长。"),
        "since_baseline": ("{months} whole months since {baseline}.", "自{baseline}起{months}个整月。"),
        "exam_label": ("{months} whole months since {baseline}: read as the {label} CT.", "自{baseline}起{months}个整月:视为{label}复查。"),
        "grew_mm": ("{earlier_mm} mm on {earlier_on}, now {now_mm} mm: growth.", "{earlier_on}为{earlier_mm} mm,现为{now_mm} mm:增长。"),
        "same_mm": ("{earlier_mm} mm on {earlier_on}, now {now_mm} mm: no growth.", "{earlier_on}为{earlier_mm} mm,现为{now_mm} mm:无增长。"),
        "grew_volume": ("Volume {percent} % since {earlier_on}: growth.", "自{earlier_on}体积变化{percent}%:增长。"),
        "same_volume": ("Volume {percent} % since {earlier_on}: no growth.", "自{earlier_on}体积变化{percent}%:无增长。"),
        "solid_grew": ("The solid component grew.", "实性成分增大。"),
        "solid_developed": ("A solid component appeared in a ground-glass nodule.", "磨玻璃结节内出现实性成分。"),
        "not_comparable": ("The earlier measurement cannot be compared.", "既往测量无法比较。"),
        "step_only": ("Only {rule} asks for a step.", "仅{rule}要求采取措施。"),
        "step_agreed": ("{count} rules fit into one window; it is that of {rule}.", "{count}条规则的时间窗一致,采用{rule}的时间窗。"),
        "step_work_up": ("{rule} asks for work-up now; {other} for less.", "{rule}要求立即进一步检查;{other}的要求较低。"),
        "step_dated": ("{rule} asks for a scan; {other} would end follow-up.", "{rule}要求复查;{other}将结束随访。"),
        "step_first": ("{rule} and {other} are equally urgent; the guideline named first leads.", "{rule}与{other}同样紧迫;以排在前面的指南为准。"),
        "step_sooner": ("{rule} ends on {last_day}, sooner than {other} on {other_last_day}.", "{rule}截止于{last_day},早于{other}的{other_last_day}。"),
        "scan_in_time": ("The scan of {on} lies in its window, {first_day} to {last_day}.", "{on}的检查在时间窗({first_day}至{last_day})内。"),
        "scan_late": ("The scan of {on} comes {days} days after the window closed on {last_day}; it counts as that step.", "{on}的检查晚于时间窗截止日{last_day} {days}天,仍计为该次复查。"),
        "scan_early": ("The scan of {on} comes {days} days before the window opens on {first_day}; it takes the place of that step.", "{on}的检查早于时间窗起始日{first_day} {days}天,取代该次复查。"),
        "scan_starts_again": ("The scan of {on} comes {days} days before the window opens on {first_day}; the same step is asked for again, counted from this scan.", "{on}的检查早于时间窗起始日{first_day} {days}天,同一复查要求自本次检查重新计算。"),
        "scan_too_early": ("The scan of {on} comes {days} days before the window opens on {first_day}; that step is still to be done.", "{on}的检查早于时间窗起始日{first_day} {days}天,该次复查仍需进行。"),
        "series_growth_throughout": ("Growth over {count} measurements in {days} days, never smaller.", "{count}次测量({days}天)持续增长,从未缩小。"),
        "series_growth_with_setback": ("Growth from the first to the last of {count} measurements in {days} days, smaller in between.", "{count}次测量({days}天)首末相比增长,其间曾缩小。"),
        "series_slow_growth": ("Growth from the first to the last of {count} measurements in {days} days that no single step shows.", "{count}次测量({days}天)首末相比增长,但相邻两次均未达增长标准。"),
        "series_growth_not_kept": ("A step of growth among {count} measurements in {days} days, none from the first to the last.", "{count}次测量({days}天)中曾有增长,但首末相比无增长。"),
        "series_decrease": ("Smaller from the first to the last of {count} measurements in {days} days.", "{count}次测量({days}天)首末相比缩小。"),
        "series_stable": ("No growth over {count} measurements in {days} days.", "{count}次测量({days}天)无增长。"),
        "series_unknown": ("The first and the last of {count} measurements in {days} days cannot be compared.", "{count}次测量({days}天)首末无法比较。"),
        "vdt": ("Volume doubling time {days} days.", "体积倍增时间{days}天。"),
        "schedule": ("Schedule of {rule}; next step not before {earliest} months from {baseline}.", "按{rule}方案;下一步不早于自{baseline}起{earliest}个月。"),
        "schedule_done": ("All steps of the schedule are done.", "随访方案各步均已完成。"),
        "status": ("Status: {status}.", "状态:{status}。"),
        "status_stated": ("Status stated by the reader: {status}.", "阅片者判定状态:{status}。"),
        "slow_growth": ("{first_mm} mm to {last_mm} mm over {count} measurements, never smaller: slow growth.", "{count}次测量由{first_mm} mm增至{last_mm} mm且从未缩小:缓慢增长。"),
        "previous": ("Previous category {category} on {on}.", "{on}的既往分类为{category}。"),
        "step": ("{months} whole months later: step down.", "已满{months}个月:可降级。"),
        "too_early": ("{months} whole months later: too early for a step.", "仅{months}个月:降级过早。"),
        "crossed": ("The size crossed a threshold: {earlier} to {now}.", "尺寸越过阈值:由{earlier}到{now}。"),
        "incomplete": ("The exam cannot be classified yet: {what}.", "检查暂无法分类:{what}。"),
        "infection_overridden": ("Suspected infection was overridden by the reader.", "阅片者否决了疑似感染。"),
        "workup_benign": ("Proven benign after work-up.", "进一步检查证实为良性。"),
        "juxtapleural": ("Smooth {shape} nodule at the pleura, below 10 mm.", "胸膜旁光滑{shape}结节,小于10 mm。"),
        "airway": ("Airway nodule: {airway}.", "气道结节:{airway}。"),
        "secretions": ("Features of secretions.", "具有分泌物特征。"),
        "persists": ("It persists since an earlier exam.", "自既往检查持续存在。"),
        "cyst": ("Atypical cyst: wall {wall}, multilocular {multilocular}, change {change}.", "非典型囊腔:壁{wall},多房{multilocular},变化{change}。"),
        "suspicious": ("Additional suspicious feature: {feature}.", "附加可疑征象:{feature}。"),
        "brock": ("Brock 2b {percent} %.", "Brock 2b {percent}%。"),
        "brock_unknown": ("Brock 2b cannot be computed.", "无法计算Brock 2b。"),
        "pet_ignored": ("The PET result plays no part below 10 % Brock.", "Brock低于10%时不采用PET结果。"),
        "herder": ("PET uptake {uptake}: Herder {percent} %.", "PET摄取{uptake}:Herder {percent}%。"),
        "mayo": ("Mayo {percent} %.", "Mayo {percent}%。"),
        "mayo_unknown": ("The Mayo probability cannot be computed.", "无法计算Mayo概率。"),
        "high_risk_person": ("High-risk person: {factor}.", "高危人群:{factor}。"),
        "no_solid": ("There is no solid nodule.", "无实性结节。"),
        "measurement_error": ("The stated measurement error allows other answers.", "所述测量误差允许其他结论。"),
        "not_implemented": ("This guideline is known but its tables are not part of this program.", "已知该指南,但本程序未收录其表格。"),
        "unverified": ("This row rests on memory and was not verified.", "该条未经核实。"),
    }
)  # fmt: skip


# The words among the facts; what is no word (a number, a date, the name of a rule or category) is the same in both.
WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # why the CT was made, what an exam lacks
        "incidental": "偶然发现", "screening": "筛查",
        "prior": "等待与既往CT比较", "lungs": "部分肺野无法评估", "infection": "疑似感染或炎症",
        # kinds of nodules
        "solid": "实性", "subsolid": "亚实性", "part_solid": "部分实性", "ground_glass": "磨玻璃",
        "round": "圆形", "oval": "椭圆形", "lentiform": "透镜形", "triangular": "三角形", "irregular": "不规则形",
        # what became of them
        "baseline": "基线", "new": "新发", "growing": "增大", "stable": "稳定", "decreasing": "缩小", "resolved": "消失",
        # risk
        "low": "低", "high": "高", "unknown": "未知",
        "smoking >= 30 pack-years, current or quit <= 15 years": "吸烟≥30包年,现吸或戒烟≤15年",
        "spiculated margin": "毛刺状边缘", "emphysema": "肺气肿", "pulmonary fibrosis": "肺纤维化",
        "first-degree relative with lung cancer": "一级亲属患肺癌",
        "asbestos": "石棉暴露", "uranium": "铀暴露", "radon": "氡暴露",
        "upper lobe": "上叶", "smoking": "吸烟", "lobulated or irregular margin": "分叶或不规则边缘", "age >= 65": "年龄≥65岁",
        "exposure": "环境或职业暴露", "COPD": "慢性阻塞性肺疾病", "tuberculosis": "肺结核",
        "previous malignancy": "既往恶性肿瘤", "family history of lung cancer": "肺癌家族史",
        # cysts and airways
        "thin": "薄", "thick": "厚", "yes": "是", "no": "否", "none": "无",
        "cystic_growth": "囊腔增大", "wall_growth": "囊壁增厚", "became_multilocular": "变为多房",
        "multilocular_growth": "多房囊腔增大", "more_loculation_or_opacity": "分房或实变增多",
        "subsegmental": "亚段", "segmental_or_proximal": "段或更近端",
        # suspicious features
        "spiculation": "毛刺", "lymphadenopathy": "淋巴结肿大", "metastasis": "转移征象",
        "ggn_doubled_1y": "磨玻璃结节一年内倍增", "chest_wall_invasion": "胸壁侵犯", "other": "其他",
        # PET
        "absent": "无", "faint": "轻度", "moderate": "中度", "intense": "高度",
        # which exam of BTS
        "3m": "3个月", "12m": "12个月", "24m": "24个月",
    }
)  # fmt: skip


def sentence(reason: Reason, language: Language = "en") -> str:
    """Write a reason out."""
    english, chinese = SENTENCES[reason.code]
    facts = {name: plain(value) if language == "en" else in_chinese(value) for name, value in reason.facts.items()}
    return (english if language == "en" else chinese).format(**facts)


def plain(value: object) -> object:
    """A decimal without exponent or trailing zeros beyond what it was given with."""
    return format(value, "f") if isinstance(value, Decimal) else value


def in_chinese(value: object) -> object:
    """The same with words in Chinese."""
    return WORDS.get(value, value) if isinstance(value, str) else plain(value)
